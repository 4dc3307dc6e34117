"""The command line: one file per noun. Each command reads its arguments, calls a verb of `control` and shows the result."""

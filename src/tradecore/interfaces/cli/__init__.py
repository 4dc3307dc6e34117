"""The command line, one file per noun: a command reads its arguments, calls a verb of `control`, shows the result."""

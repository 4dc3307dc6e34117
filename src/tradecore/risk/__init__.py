"""The rigid shell's rules: what may pass from a signal to an intent. An exit always may."""

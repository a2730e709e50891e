"""Parts of the command line that `cli.py` has no room for: what all commands share, and the command `runs`."""

"""One module a command of the command line: it joins files and pure functions."""

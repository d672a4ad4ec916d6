"""One module a verb of the command line: it joins files and pure functions."""

"""One module a figure of the paper."""

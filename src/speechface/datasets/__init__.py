"""Dataset adapters: a folder of files becomes a table of clips."""

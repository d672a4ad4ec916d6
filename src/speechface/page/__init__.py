"""The page that shows a finished run: pure functions from tables to HTML."""

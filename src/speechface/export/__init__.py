"""One module an export format for animators."""

"""Sound: windows that end with their video frame, and the features cut from them."""

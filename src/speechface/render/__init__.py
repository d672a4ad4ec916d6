"""Images: the headless renderer and the visualiser video."""

"""68 facial landmarks from video."""

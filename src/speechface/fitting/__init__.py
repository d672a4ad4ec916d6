"""Blendshape labels from landmarks."""

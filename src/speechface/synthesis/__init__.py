"""Synthetic speakers: voice, articulation, expression and the image of them."""

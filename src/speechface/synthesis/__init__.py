"""Synthetic speakers: voice, articulation, expression and the picture of them."""

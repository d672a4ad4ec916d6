"""Rotations, cameras and meshes: pure functions over arrays."""

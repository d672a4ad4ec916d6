"""Feature curves of the face as the viewer in front sees them: lips, eye opening, brows. Millimetres."""

import numpy as np

from speechface.rig.builtin.field import EYE_CENTRE

__all__ = ["MOUTH_HALF_WIDTH", "lip_line", "lip_top", "lip_bottom", "eye_outline", "brow_curve"]

MOUTH_HALF_WIDTH = 24.5


def lip_line(x: np.ndarray) -> np.ndarray:
    """Height of the line where the closed lips touch."""
    s = np.abs(x) / MOUTH_HALF_WIDTH
    return -68.2 + 1.5 * s**2 - 0.5 * np.exp(-((np.asarray(x) / 4.5) ** 2))


def lip_top(x: np.ndarray) -> np.ndarray:
    """Upper border of the upper lip: two peaks beside the middle."""
    s = np.clip(np.abs(x) / MOUTH_HALF_WIDTH, 0, 1)
    peak = 1.5 * np.exp(-(((np.abs(x) - 5.2) / 4.0) ** 2)) * (1 - s)
    return lip_line(x) + (1 - s**2.2) * 6.9 + peak - 0.2


def lip_bottom(x: np.ndarray) -> np.ndarray:
    """Lower border of the lower lip."""
    s = np.clip(np.abs(x) / MOUTH_HALF_WIDTH, 0, 1)
    return lip_line(x) - (1 - s**2.6) * 9.3


def eye_outline(n=19):
    """Lid margin of the left eye.

    Returns
    -------
    points : ndarray (2 n - 2, 2)
        From the inner corner along the upper lid to the outer corner (n points) and back along the lower lid.
    upper : ndarray (2 n - 2,), bool
        True on the upper lid; both corners count as upper.
    """
    s = -np.cos(np.linspace(0, np.pi, n))
    s = 0.75 * s + 0.25 * np.linspace(-1, 1, n)
    base = -1.7 + 1.2 * (s + 1)
    top = base + 6.3 * (1 - np.abs(s) ** 2.2) ** 0.85 * (1 - 0.08 * s)
    bottom = base - 4.8 * (1 - np.abs(s) ** 2.2) ** 0.95 * (1 + 0.16 * s)
    x = EYE_CENTRE[0] - 0.4 + 15.5 * s
    points = np.concatenate([np.stack([x, top], -1), np.stack([x, bottom], -1)[-2:0:-1]])
    return points, np.arange(len(points)) < n


def brow_curve(s):
    """Left brow at parameter s in 0..1 from the inner end: points (n, 2) and half thickness (n,)."""
    s = np.asarray(s, float)
    x = 12.5 + 38.5 * s
    y = 18.6 + 8.2 * np.sin(np.pi * np.clip(s * 0.80 + 0.06, 0, 1)) - 3.0 * s**2.5
    half = 3.4 * np.clip(1 - s**2.2, 0, 1) ** 0.8 * np.clip(s / 0.10 + 0.45, 0, 1) + 0.25
    return np.stack([x, y], -1), half

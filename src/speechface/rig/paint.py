"""Vertex colours for the unpainted ICT head: skin with lips, brows and shaded hollows, eyes, teeth."""

from typing import Any

import numpy as np

from speechface.geometry import ibug
from speechface.geometry.mesh import vertex_neighbours, vertex_normals
from speechface.rig.regions import distance_to_line, inside_polygon

__all__ = ["paint_ict", "hollowness"]

_SKIN = np.array([0.87, 0.67, 0.57])
_LIP = np.array([0.74, 0.42, 0.40])
_FLUSH = np.array([0.88, 0.55, 0.48])
_BROW = np.array([0.27, 0.18, 0.13])
_NOSTRIL = np.array([0.22, 0.10, 0.08])
_LASH = np.array([0.16, 0.10, 0.09])
_IRIS, _RING = np.array([0.36, 0.25, 0.16]), np.array([0.14, 0.10, 0.08])
_SCLERA = np.array([0.93, 0.92, 0.90])
#: part -> (colour, gloss, softness)
_PARTS: dict[str, tuple[Any, float, float]] = {
    "face": (_SKIN, 0.12, 1.0), "head": (_SKIN, 0.10, 1.0), "mouth_socket": ((0.42, 0.17, 0.17), 0.2, 0.6),
    "eye_socket": ((0.75, 0.48, 0.42), 0.2, 0.8), "gums": ((0.66, 0.32, 0.32), 0.35, 0.8),
    "teeth": ((0.92, 0.89, 0.83), 0.55, 0.4), "eye_left": (_SCLERA, 1.0, 0.1), "eye_right": (_SCLERA, 1.0, 0.1),
}  # fmt: skip
_PUPIL_MM, _IRIS_MM = 2.1, 5.9


def hollowness(vertices: np.ndarray, triangles: np.ndarray, *, rounds: int) -> np.ndarray:
    """How far each vertex (V,) lies below the mean of its surroundings, mm; positive in hollows.

    `rounds` averagings over neighbours set the size of the surroundings.
    """
    graph = vertex_neighbours(triangles, len(vertices))
    degree = np.maximum(graph.sum(1), 1)[:, None]
    smooth = np.asarray(vertices, float)
    for _ in range(rounds):
        smooth = 0.5 * smooth + 0.5 * (graph @ smooth) / degree
    return np.sum((smooth - vertices) * vertex_normals(vertices, triangles), axis=1)


def _soft(distance, radius, width):
    """1 inside `radius`, 0 outside, over about `width` mm."""
    return 1 / (1 + np.exp(np.clip((distance - radius) / (0.25 * width), -50, 50)))


def _blend(colors, where, share, colour):
    colors[where] += share[:, None] * (np.asarray(colour) - colors[where])


def paint_ict(
    neutral: np.ndarray, triangles: np.ndarray, landmarks: np.ndarray, parts: dict[str, tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return colours (V, 3) sRGB and material (V, 2), gloss and softness, both float32 in [0, 1].

    neutral (V, 3) mm; triangles (T, 3); landmarks (68,); parts: name -> (first vertex, last vertex + 1).
    """
    colors, material = np.empty((len(neutral), 3)), np.empty((len(neutral), 2))
    for name, (start, stop) in parts.items():
        colour, gloss, softness = _PARTS[name]
        colors[start:stop], material[start:stop] = colour, (gloss, softness)
    marks = neutral[landmarks].astype(float)
    _paint_face(colors, material, neutral, np.arange(*parts["face"]), marks)
    hollow = hollowness(neutral, triangles, rounds=12)
    skin = slice(parts["face"][0], parts["head"][1])
    colors[skin] *= 1 - 0.45 * np.clip(hollow[skin] / 2.5, 0, 1)[:, None] * np.array([0.8, 1.0, 1.0])
    _paint_mouth(colors, material, neutral, parts, marks)
    for name in ("eye_left", "eye_right"):
        _paint_eye(colors, neutral, slice(*parts[name]))
    return np.clip(colors, 0, 1).astype(np.float32), material.astype(np.float32)


def _paint_face(colors, material, neutral, face, marks):
    points = neutral[face].astype(float)
    nostrils = marks[ibug.BRIDGE.stop : ibug.NOSE.stop]  # from the subject's right wing to the left
    first, last = ibug.JAW_ENDS
    cheeks = 0.5 * (marks[first + 2] + nostrils[0]), 0.5 * (marks[last - 2] + nostrils[-1])
    for tip in (marks[ibug.NOSE_TIP], *cheeks):
        _blend(colors, face, 0.35 * np.exp(-0.5 * np.sum((points - tip) ** 2, 1) / 15.0**2), _FLUSH)
    outer = marks[ibug.OUTER_LIPS]
    inside = inside_polygon(points[:, :2], outer[:, :2]) & (points[:, 2] > marks[ibug.MOUTH, 2].min() - 12)
    edge = distance_to_line(points, np.vstack([outer, outer[0]]))[0] * np.where(inside, -1, 1)
    lip = _soft(edge, 0.0, 2.0)
    _blend(colors, face, lip, _LIP)
    material[face, 0] += lip * 0.25
    for wing, base in ((0, 1), (-1, -2)):
        hole = (nostrils[wing] + nostrils[base]) / 2 + [0, 6.0, -2.0]
        depth = np.exp(-0.5 * np.sum((points - hole) ** 2, 1) / 3.6**2)
        _blend(colors, face, 0.85 * depth, _NOSTRIL)
    for brow in (marks[ibug.RIGHT_BROW], marks[ibug.LEFT_BROW][::-1]):
        distance, place = distance_to_line(points, brow)
        thickness = np.interp(place, [0, 1, 2.5, 4], [1.2, 2.4, 3.2, 3.0])
        _blend(colors, face, 0.85 * _soft(distance, thickness, 2.5), _BROW)
    for eye in (marks[ibug.RIGHT_EYE], marks[ibug.LEFT_EYE]):
        upper_lid = eye[:4]
        _blend(colors, face, 0.9 * _soft(distance_to_line(points, upper_lid)[0], 0.9, 0.8), _LASH)


def _paint_mouth(colors, material, neutral, parts, marks):
    """Darken what lies deep in the mouth, where little light falls; it glints less too."""
    front = marks[ibug.INNER_LIPS, 2].mean()
    for first, last, reach in (("mouth_socket", "mouth_socket", 16), ("gums", "teeth", 26)):
        part = slice(parts[first][0], parts[last][1])
        depth = np.clip(front - neutral[part, 2] - 4, 0, None)
        light = 0.15 + 0.85 * np.exp(-depth / reach)
        colors[part] *= light[:, None]
        material[part, 0] *= light**2


def _paint_eye(colors, neutral, eye):
    """Iris and pupil around the frontmost point of the eyeball, a reddish rim behind."""
    points = neutral[eye].astype(float)
    front = points[points[:, 2] > points[:, 2].max() - 0.3].mean(0)
    radius = np.linalg.norm(points[:, :2] - front[:2], axis=1)
    facing = points[:, 2] > points[:, 2].mean()
    distance = np.where(facing, radius, 99.0)
    inside = np.arange(eye.start, eye.stop)
    streaks = 1 + 0.12 * np.clip((distance - _PUPIL_MM) / (_IRIS_MM - _PUPIL_MM), 0, 1)[:, None]
    _blend(colors, inside, np.clip((radius - 8) / 6, 0, 0.5), (0.85, 0.62, 0.58))
    _blend(colors, inside, _soft(distance, _IRIS_MM, 0.7), _RING)
    iris = _soft(distance, _IRIS_MM - 0.9, 1.0)
    colors[inside] += iris[:, None] * (_IRIS * streaks - colors[inside])
    _blend(colors, inside, _soft(distance, _PUPIL_MM, 0.6), (0.02, 0.02, 0.02))

"""The 68 landmark vertices in iBUG order and the vertices that the jaw's outline may slide over."""

import json
from importlib import resources

import numpy as np

from speechface.geometry import ibug
from speechface.rig.builtin.curves import brow_curve
from speechface.rig.builtin.field import front_surface
from speechface.rig.contour import contour_candidates

__all__ = ["landmark_vertices", "landmark_targets", "jaw_contour", "allowed_vertices", "TABLE", "symmetric"]

#: Where a detector of 68 points puts its points on this head; written by benchmarks/calibrate_landmarks.py.
TABLE = "landmarks.json"
#: Left half of the jaw outline, (x, y) in mm from beside the eye to the chin, as a 68-point detector spaces it.
_JAW = ((70, 1), (69.1, -17), (66, -35.5), (64.2, -56), (57.7, -73), (46.7, -89.8), (32.4, -103.2), (17.6, -113.7))
_CHIN = (0, -114.7)


def _under_jaw(points):
    """Distance (n,), mm, of points below the line from the jaw's angle to the chin."""
    return -0.804 * (points[:, 1] + 60) - 0.594 * (points[:, 2] + 80)


def landmark_targets(mesh):
    """Uncalibrated positions (36, 3), mm, by anatomy; jaw points lie on the outline seen from the front."""
    skin = mesh.vertices[mesh.is_part("skin")]
    outline = skin[(skin[:, 2] > -70) & (_under_jaw(skin) < 10)]

    def nearest(candidates, xy):
        return candidates[np.argmin(np.hypot(*(candidates[:, :2] - xy).T))]

    left = np.array([nearest(outline, xy) for xy in _JAW])[::-1]
    chin = nearest(outline[(np.abs(outline[:, 0]) < 1e-6) & (outline[:, 2] > -45)], _CHIN)
    points = [left[::-1] * [-1, 1, 1], chin[None], left]
    brow, half = brow_curve(np.array([0.04, 0.27, 0.5, 0.75, 0.985]))
    brow[:, 1] += 0.4 * half
    brow = front_surface(brow)
    points += [brow[::-1] * [-1, 1, 1], brow]
    nose = [(0, 3), (0, -10), (0, -22), (0, -34), (-12.5, -45), (-6.5, -47.5), (0, -48.8), (6.5, -47.5), (12.5, -45)]
    points.append(front_surface(nose))
    return np.concatenate(points)


def _eye_landmarks(mesh):
    """Six vertices of the right eye, then of the left."""
    upper = mesh.loops["eye_upper"]
    left, right = mesh.loops["margin_left"], mesh.loops["margin_right"]
    x = mesh.vertices[left, 0]
    share = (x - x.min()) / np.ptp(x)

    def nearest(target, mask):
        return int(np.argmin(np.abs(share - target) + 1e3 * ~mask))

    inner, outer = nearest(0, upper), nearest(1, upper)
    top = nearest(0.33, upper), nearest(0.68, upper)
    low = nearest(0.36, ~upper), nearest(0.68, ~upper)
    return [
        *right[[outer, top[1], top[0], inner, low[0], low[1]]],
        *left[[inner, top[0], top[1], outer, low[1], low[0]]],
    ]


def _mouth_landmarks(mesh):
    """Twelve vertices of the outer lip border and eight of the contact line."""
    v, upper, lower = mesh.vertices, mesh.loops["lip_upper"], mesh.loops["lip_lower"]
    border = np.nonzero((mesh.tag("lip", -1.0) == 0) & mesh.is_part("skin"))[0]
    is_lower = mesh.tag("lower", 0.0)[border] > 0.5
    over, under = border[~is_lower], border[is_lower]

    def at(row, *xs):
        return [row[np.argmin(np.abs(v[row, 0] - x))] for x in xs]

    outer = [upper[0], *at(over, -15, -5.6, 0, 5.6, 15), upper[-1], *at(under, 15, 7, 0, -7, -15)]
    inner = [*at(upper, -20.5, -7.5, 0, 7.5, 20.5), *at(lower, 7.5, 0, -7.5)]
    return outer + inner


def allowed_vertices(mesh, landmark):
    """Vertices that may stand for a landmark: skin, or the lid margin or lip rim that the landmark names."""
    skin = mesh.is_part("skin")
    if landmark < ibug.EYES.start:
        return np.nonzero(skin & (mesh.vertices[:, 2] > -95))[0]
    if landmark < ibug.EYES.stop:
        side, eye = ("right", ibug.RIGHT_EYE) if landmark < ibug.RIGHT_EYE.stop else ("left", ibug.LEFT_EYE)
        upper = landmark - eye.start < 4
        return mesh.loops["margin_" + side][mesh.loops["eye_upper"] == upper]
    if landmark >= ibug.INNER_LIPS.start:
        return mesh.loops["lip_upper" if landmark - ibug.INNER_LIPS.start < 5 else "lip_lower"]
    if landmark in ibug.MOUTH_CORNERS:
        return np.nonzero(skin & (np.abs(mesh.tag("lip", -1.0)) >= 0.99))[0]
    row = mesh.tag("lip", -9.0)
    lower = mesh.tag("lower", 0.0) > 0.5
    return np.nonzero(skin & (row >= -0.55) & (row < 0.5) & (lower == (landmark > ibug.MOUTH_CORNERS[1])))[0]


def landmark_vertices(mesh, *, calibrated=True):
    """Vertex (68,), int32, of each landmark.

    Jaw, brows and nose take the skin vertex next to a target; lids and lips take vertices of their rims. Where the
    calibration table has a position, the nearest of the `allowed_vertices` wins.
    """
    v = mesh.vertices
    skin = allowed_vertices(mesh, 0)
    result = [skin[np.argmin(np.linalg.norm(v[skin] - p, axis=1))] for p in landmark_targets(mesh)]
    result = np.array(result + _eye_landmarks(mesh) + _mouth_landmarks(mesh))
    table = resources.files("speechface.rig.builtin").joinpath(TABLE)
    if calibrated and table.is_file():
        positions = json.loads(table.read_text(encoding="utf-8"))["positions_mm"]
        for k, position in ((int(name), p) for name, p in positions.items()):
            allowed = allowed_vertices(mesh, k)
            result[k] = allowed[np.argmin(np.linalg.norm(v[allowed] - position, axis=1))]
    return symmetric(mesh, result).astype(np.int32)


def symmetric(mesh, vertices):
    """Replace the right half's landmarks by the mirror images of the left half's."""
    v = mesh.vertices
    result = vertices.copy()
    for k in range(ibug.N_POINTS):
        if v[vertices[k], 0] < -1e-6:
            allowed = allowed_vertices(mesh, k)
            image = v[vertices[ibug.MIRROR[k]]] * [-1, 1, 1]
            result[k] = allowed[np.argmin(np.linalg.norm(v[allowed] - image, axis=1))]
    return result


def jaw_contour(mesh, landmarks):
    """Vertices (17, m), int32, over which each jaw point may slide; the throat is left out."""
    skin = np.nonzero(mesh.is_part("skin") & (_under_jaw(mesh.vertices) < 26) & (mesh.vertices[:, 2] > -110))[0]
    return contour_candidates(mesh.vertices, landmarks, skin)

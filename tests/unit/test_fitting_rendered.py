"""Head rotation of the labels against the rotation a head was drawn with: signs, axes and size."""

from types import SimpleNamespace

import numpy as np
import pytest

from speechface.fitting.face import Face
from speechface.fitting.gauss_newton import FitSettings
from speechface.fitting.identity import fit_identity
from speechface.fitting.labels import fit_labels, relative_rotation
from speechface.fitting.pose import centred
from speechface.geometry.camera import Camera
from speechface.geometry.rotation import euler_from_matrix, geodesic_angle, matrix_from_euler
from speechface.landmarks.detectors.dlib import DETECTOR, PROFILE, DlibSettings
from speechface.rig import builtin

SIZE, FRAMES, FPS = 320, 27, 25.0
SETTINGS = FitSettings(noise_mm=1.2, sparsity=1.0, smoothness=0.06, iterations=8)


@pytest.fixture(scope="module")
def turned_head():
    """Rotations (T, 3, 3) of a head that tilts, turns and leans one after the other, and its detected landmarks."""
    renderer = pytest.importorskip("speechface.render.renderer")
    from speechface.render.pose import pose

    swing = np.sin(np.linspace(0, 2 * np.pi, FRAMES // 3, endpoint=False))
    angles = np.zeros((FRAMES, 3))
    for axis, size in enumerate((0.12, 0.20, 0.12)):
        angles[axis * len(swing) : (axis + 1) * len(swing), axis] = size * swing
    rotation = matrix_from_euler(angles)
    rig = builtin.build(style="bald")
    camera = Camera.for_image(SIZE, SIZE, 3.0)
    images = []
    with renderer.Renderer(SIZE, SIZE) as draw:
        for turn in rotation:
            vertices, offset = pose(rig, None, None, turn, (0.0, 15.0, -900.0))
            image = draw.draw(vertices, rig, camera=camera, normal_offset=offset)
            images.append(np.round(image @ [0.299, 0.587, 0.114]).astype(np.uint8))
    tracks = DETECTOR.open(DlibSettings(jittered_boxes=1)).track([SimpleNamespace(gray=image) for image in images])
    return rig, rotation, centred(tracks.landmarks, camera.centre), tracks.detected, camera.focal


def test_rotation_labels_are_those_the_head_was_drawn_with(turned_head):
    rig, truth, observed, detected, focal = turned_head
    assert detected.all()
    face = Face.of_rig(rig, PROFILE)
    identity = fit_identity(face, [observed], SETTINGS, focal=[focal], fps=[FPS], count=16)
    actor = face.of_actor(identity.coefficients)
    labels = fit_labels(actor, identity.eyes, observed, detected, SETTINGS, focal=focal, fps=FPS)
    found = relative_rotation(labels.rotation, detected)[0]
    expected = relative_rotation(truth, detected)[0]
    # the detector's points of a turned head slide: half a degree to two
    assert np.rad2deg(geodesic_angle(found, expected)).mean() < 2.0
    angles, true_angles = euler_from_matrix(found), euler_from_matrix(expected)
    for axis in range(3):
        part = slice(axis * FRAMES // 3, (axis + 1) * FRAMES // 3)
        assert np.corrcoef(angles[part, axis], true_angles[part, axis])[0, 1] > 0.95
        assert 0.7 < np.polyfit(true_angles[part, axis], angles[part, axis], 1)[0] < 1.3

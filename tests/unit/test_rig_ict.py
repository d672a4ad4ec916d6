"""ICT-FaceKit as a rig: reading OBJ files, merging channels, and the whole head where its files are at hand."""

import numpy as np
import pytest

from speechface.errors import RigError
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import mirrored
from speechface.rig.ict import LANDMARKS, PARTS, expression_objects, object_names, read_ict
from speechface.rig.obj import read_positions, read_triangles
from speechface.rig.paint import hollowness
from speechface.synthesis.visemes import INDEX

CUBE = b"""# a comment
mtllib x.mtl
v 0 0 0
v 1.5 0 -2e-1
v 1 1 0
v 0 1 0
v 0.5 2 0
vt 0 0
vn 0 0 1
usemtl skin
f 1/1/1 2/1/1 3/1/1 4/1/1
usemtl hair
f 4//1 3//1 5//1
"""


def test_positions_and_fans_are_read():
    expected = [[0, 0, 0], [1.5, 0, -0.2], [1, 1, 0], [0, 1, 0], [0.5, 2, 0]]
    np.testing.assert_array_equal(read_positions(CUBE, "cube"), np.array(expected, np.float32))
    triangles, materials = read_triangles(CUBE)
    np.testing.assert_array_equal(triangles, [[0, 1, 2], [0, 2, 3], [3, 2, 4]])
    assert list(materials) == ["skin", "skin", "hair"]


@pytest.mark.parametrize(
    "content", [b"v 1 2 3", b"v 1 2 3\n", b"# x\nv 1 2 3\nf 1 1 1\n"], ids=["alone", "with line end", "amid others"]
)
def test_one_vertex_is_read_wherever_it_stands(content):
    np.testing.assert_array_equal(read_positions(content, "x"), [[1, 2, 3]])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>", "no vertices"),
        (b"v 1 2 3\nv 1 2\n", "not one block"),
        (b"v 1 2 3\nvn 0 0 1\nv 1 2 3\n", "not one block"),
    ],
)
def test_what_is_no_obj_is_said(content, words):
    with pytest.raises(RigError, match=words):
        read_positions(content, "x.obj")


def test_every_channel_has_its_objects_and_no_object_serves_two():
    names = [name for channel in CHANNELS for name in expression_objects(channel)]
    assert len(names) == len(set(names)) == 51 + 2  # browInnerUp and cheekPuff have two; tongueOut is ours
    assert expression_objects("eyeLookOutRight") == ["eyeLookOut_R"]
    assert expression_objects("jawRight") == ["jawRight"]
    assert expression_objects("noseSneer") == ["noseSneer_L", "noseSneer_R"]


def test_hollows_are_positive_and_bumps_negative():
    x, y = (a.ravel() for a in np.meshgrid(np.arange(21.0), np.arange(21.0)))
    z = 3 * np.exp(-((x - 5) ** 2 + (y - 10) ** 2) / 8) - 3 * np.exp(-((x - 15) ** 2 + (y - 10) ** 2) / 8)
    corner = np.arange(400) + np.arange(400) // 20
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + 22], 1), np.stack([corner, corner + 22, corner + 21], 1)]
    )
    hollow = hollowness(np.stack([x, y, z], 1), triangles, rounds=4)
    assert np.argmax(hollow) == 10 * 21 + 15
    assert np.argmin(hollow) == 10 * 21 + 5
    assert hollow.max() > 0.2


def test_missing_and_foreign_files_are_named(tmp_path):
    with pytest.raises(RigError, match="fetch-rig"):
        read_ict(tmp_path / "none", identity_modes=0)
    with pytest.raises(RigError, match=r"generic_neutral_mesh\.obj and 53 more not found"):
        read_ict(tmp_path, identity_modes=0)
    (tmp_path / "generic_neutral_mesh.obj").write_bytes(CUBE)
    with pytest.raises(RigError, match="has 5 vertices, expected 26719"):
        read_ict(tmp_path, identity_modes=0)
    (tmp_path / "x.tar.xz").write_bytes(b"nothing")
    with pytest.raises(RigError, match="not a readable archive"):
        read_ict(tmp_path / "x.tar.xz", identity_modes=0)


@pytest.fixture(scope="module")
def ict(shared_rigs):
    return read_ict(shared_rigs / "ict_facekit.tar.xz", identity_modes=1)


@pytest.mark.clips
def test_ict_head_is_in_millimetres_and_symmetric(ict):
    marks = ict.neutral[list(LANDMARKS)]
    assert 80 < np.linalg.norm(marks[36] - marks[45]) < 100  # outer eye corners of adults: 90 mm
    mirrored = marks[16::-1] * [-1, 1, 1]
    np.testing.assert_allclose(marks[:17], mirrored, atol=3)  # a scanned head, cleaned to about 2 mm
    assert len(ict.neutral) == PARTS["eye_right"][1]
    assert ict.triangles.max() < len(ict.neutral)


@pytest.mark.clips
def test_ict_channels_move_what_their_names_say(ict):
    moved = ict.shapes[:, ict.landmarks]
    assert moved[INDEX["jawOpen"], 8, 1] < -15
    assert moved[INDEX["browInnerUp"], 21, 1] > 3
    assert moved[INDEX["browInnerUp"], 22, 1] > 3
    assert moved[INDEX["mouthSmileLeft"], 54, 1] > 2
    assert abs(moved[INDEX["mouthSmileLeft"], 48, 1]) < 1
    assert moved[INDEX["eyeBlinkRight"], 37, 1] < -3
    eye = np.arange(*PARTS["eye_left"])
    pupil = eye[np.argmax(ict.neutral[eye, 2])]
    assert ict.shapes[INDEX["eyeLookOutLeft"], pupil, 0] > 2
    assert ict.shapes[INDEX["eyeLookUpLeft"], pupil, 1] > 2
    assert np.abs(ict.shapes[INDEX["eyeLookUpRight"], pupil]).max() < 0.1
    size = np.linalg.norm(moved, axis=-1).max(1)
    np.testing.assert_allclose(size, size[mirrored(CHANNELS)], rtol=0.35, atol=0.5)  # sculpted by hand, not mirrored


@pytest.mark.clips
def test_ict_identity_and_regions_are_filled(ict):
    assert ict.identity.shape == (1, len(ict.neutral), 3)
    assert 0.5 < np.sqrt((ict.identity[0, ict.landmarks] ** 2).sum(1).mean()) < 8
    assert ict.contour.shape == (17, 14)
    assert ict.regions["lips"].max() < PARTS["face"][1]
    lips = ict.colors[ict.landmarks[[51, 57]]]
    assert (lips[:, 0] - lips[:, 1] > 0.2).all()  # redder than the skin


def test_object_names_follow_the_number_of_modes():
    assert object_names(2)[-2:] == ["identity000", "identity001"]
    assert len(object_names(0)) == 54

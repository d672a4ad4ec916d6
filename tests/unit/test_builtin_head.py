"""The builtin head: symmetry, closed surfaces, motions that do what their names say."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.spatial import cKDTree

from speechface.geometry import ibug
from speechface.geometry.rotation import matrix_from_euler
from speechface.rig import builtin
from speechface.rig.builtin.field import EYE_CENTRE, EYE_RADIUS, distance
from speechface.rig.builtin.head import _face
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import columns, mirrored
from speechface.rig.rig import Rig
from speechface.synthesis.visemes import INDEX

FLIP = np.array([-1, 1, 1])
#: Shapes and modes are stored in steps of 1/128 mm; a mirror image may round the other way.
STEP = 1 / 128
STYLES_TRIED = ("bald", "short", "bob", "tail")


@pytest.fixture(scope="session")
def rig():
    return builtin.build()


@pytest.fixture(scope="session")
def saved(rig, tmp_path_factory):
    path = tmp_path_factory.mktemp("builtin") / "rig.npz"
    rig.save(path)
    return path


@pytest.fixture(scope="session")
def mesh():
    return _face().mesh


@pytest.fixture(scope="session")
def image(mesh):
    """Vertex (V,) of the shared mesh that lies in the mirror image of each; lip twins are told apart by side."""
    lower = mesh.tag("lower", 0.0)
    key = np.column_stack([mesh.vertices, 50 * lower, 200.0 * _sideless_part(mesh)])
    gap, index = cKDTree(key).query(key * [-1, 1, 1, 1, 1])
    assert gap.max() < 1e-6, f"a vertex is {gap.max()} mm from the mirror image of every other"
    return index


def _sideless_part(mesh):
    names = [name.replace("right", "left") for name in mesh.names]
    return np.array([names.index(name) for name in names])[mesh.part]


def weights(**values):
    w = np.zeros(len(CHANNELS), np.float32)
    for name, value in values.items():
        w[INDEX[name]] = value
    return w


def pair(stem, value=1.0):
    return {stem + "Left": value, stem + "Right": value}


# ---------------------------------------------------------------- determinism and size


def test_two_processes_write_the_same_bytes_of_less_than_a_megabyte_and_a_half(saved, tmp_path):
    there = tmp_path / "there.npz"
    code = "import sys; from speechface.rig import builtin; builtin.build().save(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, there], check=True, env={**os.environ, "PYTHONHASHSEED": "77"})
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (saved, there)]
    assert digests[0] == digests[1]
    assert saved.stat().st_size < 1.5e6


def test_saved_rig_comes_back(rig, saved):
    back = Rig.load(saved)
    # float16 offsets of at most 64 mm: half a step of 1/32 mm
    np.testing.assert_allclose(back.shapes, rig.shapes, atol=1 / 64)
    np.testing.assert_array_equal(back.triangles, rig.triangles)
    np.testing.assert_array_equal(back.landmarks, rig.landmarks)
    assert back.meta["n_shared"] == rig.meta["n_shared"]


@pytest.mark.parametrize("kept", [0, 7])
def test_fewer_identity_modes_are_the_first_ones(rig, kept):
    fewer = builtin.build(identity_modes=kept)
    np.testing.assert_array_equal(fewer.identity, rig.identity[:kept])
    np.testing.assert_array_equal(fewer.neutral, rig.neutral)


# ---------------------------------------------------------------- the surface


def test_numbers_are_finite_and_triangles_proper(rig):
    for array in (rig.neutral, rig.shapes, rig.identity, rig.colors, rig.material, rig.normal_offset):
        assert np.isfinite(array).all()
    assert rig.colors.min() >= 0
    assert rig.colors.max() <= 1
    assert len(np.unique(rig.triangles)) == len(rig.neutral), "a vertex belongs to no triangle"
    assert (np.diff(np.sort(rig.triangles, 1), axis=1) > 0).all(), "a triangle names a vertex twice"


def test_skin_lies_on_the_implicit_surface_and_faces_outwards(mesh):
    skin = mesh.is_part("skin") & (mesh.tag("lip", -1.0) < 0)  # lips are swollen on purpose
    assert np.abs(distance(mesh.vertices[skin])).max() < 0.1  # the marching stops within 1e-4 of a step
    corners = mesh.vertices[mesh.triangles[skin[mesh.triangles].all(1)]]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    centre = corners.mean(1)
    gradient = np.stack([distance(centre + e) - distance(centre - e) for e in 0.2 * np.eye(3)], -1)
    assert (np.einsum("ij,ij->i", facing, gradient) > 0).all()


def test_edges_join_at_most_two_triangles_that_run_along_it_in_opposite_directions(mesh):
    t = mesh.triangles[mesh.is_part("skin", "lid", "bag")[mesh.triangles].all(1)]
    directed = np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]])
    assert len(np.unique(directed, axis=0)) == len(directed)
    backward = {(b, a) for a, b in directed.tolist()}
    open_edges = np.array([e for e in directed.tolist() if tuple(e) not in backward])
    # the only way in is the cut of the neck, under the collar
    assert mesh.vertices[open_edges][..., 1].max() < -155


def test_closed_parts_have_positive_volume(mesh):
    for name in ("eye_left", "eye_right", "tongue", "ear", "shirt"):
        corners = mesh.vertices[mesh.triangles[mesh.is_part(name)[mesh.triangles].all(1)]]
        corners = corners - corners.mean((0, 1))
        assert np.linalg.det(corners).sum() > 0, name


def test_neutral_lids_cover_the_eyeballs(rig, mesh):
    for part, sign in (("left", 1), ("right", -1)):
        eye = EYE_CENTRE * [sign, 1, 1]
        rim = rig.neutral[mesh.loops["margin_" + part]]
        assert np.linalg.norm(rim - eye, axis=1).min() > EYE_RADIUS


# ---------------------------------------------------------------- symmetry


def test_neutral_face_and_its_triangles_mirror_onto_themselves(mesh, image):
    def names(triangles):
        return {tuple(sorted(t)) for t in triangles.tolist()}

    skin = mesh.triangles[mesh.is_part("skin")[mesh.triangles].all(1)]
    assert names(skin) == names(image[skin])


def test_left_and_right_shapes_are_mirror_images(rig, image):
    n = len(image)
    moved = rig.shapes[:, :n]
    swapped = moved[mirrored(CHANNELS)][:, image] * FLIP
    np.testing.assert_allclose(moved, swapped, atol=1.01 * STEP)


def test_identity_modes_keep_the_head_symmetric(rig, image):
    n = len(image)
    np.testing.assert_allclose(rig.identity[:, :n], rig.identity[:, image] * FLIP, atol=1.01 * STEP)


def test_every_mode_and_every_shape_moves_something_visible(rig):
    assert (np.abs(rig.identity).max((1, 2)) > 0.5).all()
    assert (np.linalg.norm(rig.shapes, axis=2).max(1) > 1.0).all()


# ---------------------------------------------------------------- motion


def test_full_blink_closes_the_gap_of_both_lids(rig, mesh):
    closed = rig.mesh(weights(**pair("eyeBlink")))
    upper = mesh.loops["eye_upper"]
    for side in ("left", "right"):
        ring = mesh.loops["margin_" + side]
        x, y = closed[ring, 0], closed[ring, 1]
        top, bottom = ring[upper][1:-1], ring[~upper]
        order = np.argsort(closed[bottom, 0])
        gap = closed[top, 1] - np.interp(closed[top, 0], closed[bottom, 0][order], closed[bottom, 1][order])
        assert gap.max() < 0.15, "mm of eye still open"
        assert gap.min() > -2.0, "the upper lid hangs over the lower"
        assert np.ptp(x) > 25
        assert np.ptp(y) < 6


def test_closing_lids_stay_outside_of_the_eyeball(rig, mesh):
    for amount in (0.25, 0.5, 0.75, 1.0):
        v = rig.mesh(weights(**pair("eyeBlink", amount)))
        for side, sign in (("left", 1), ("right", -1)):
            ring = mesh.loops["margin_" + side]
            # the straight path of a blendshape cuts across the lid's arc: 1.6 mm of room, none may be overspent
            assert np.linalg.norm(v[ring] - EYE_CENTRE * [sign, 1, 1], axis=1).min() > EYE_RADIUS


@pytest.mark.parametrize("amount", [0.3, 0.7, 1.0])
def test_mouth_close_seals_the_lips_of_an_open_jaw(rig, mesh, amount):
    upper, lower = mesh.loops["lip_upper"], mesh.loops["lip_lower"]
    open_ = rig.mesh(weights(jawOpen=amount))
    sealed = rig.mesh(weights(jawOpen=amount, mouthClose=amount))

    def gap(v):
        return np.linalg.norm(v[upper] - v[lower], axis=1).max()

    assert gap(open_) > 10 * amount
    assert gap(sealed) < 2.5 * STEP  # two rounded shapes
    chin = rig.landmarks[8]
    np.testing.assert_allclose(sealed[chin], open_[chin], atol=1.5)  # the jaw stays down


def test_channels_move_their_part_of_the_face_in_their_direction(rig):
    moved = {name: rig.shapes[INDEX[name]][rig.landmarks] for name in CHANNELS}
    assert moved["jawOpen"][8, 1] < -12  # chin down
    assert moved["jawOpen"][57, 1] < moved["jawOpen"][51, 1] - 12  # lips part
    assert moved["mouthSmileLeft"][54, 0] > 4
    assert moved["mouthSmileLeft"][54, 1] > 4
    assert np.abs(moved["mouthSmileLeft"][48]).max() < 0.3  # the other corner rests
    assert moved["mouthFrownLeft"][54, 1] < -4
    assert moved["mouthPucker"][54, 0] < -5
    assert moved["mouthPucker"][54, 2] > 3
    assert moved["browInnerUp"][[21, 22], 1].min() > 4
    assert moved["browOuterUpLeft"][25, 1] > 4
    assert moved["browDownRight"][20, 1] < -2
    assert moved["jawLeft"][8, 0] > 5
    assert moved["jawRight"][8, 0] < -5
    assert moved["jawForward"][8, 2] > 5
    assert moved["mouthLeft"][62, 0] > 5
    assert moved["cheekPuff"][:, 0].max() > 0
    assert moved["noseSneerLeft"][35, 1] > 2
    assert np.abs(moved["noseSneerLeft"][31]).max() < 0.5  # the other wing rests
    assert moved["cheekSquintLeft"][[46, 47], 1].min() > 0.5  # the lower lid rises
    assert np.abs(moved["cheekSquintLeft"][[40, 41]]).max() < 0.1
    assert moved["mouthPressLeft"][56, 1] > 1  # the lower lip's border comes up, the upper's down
    assert moved["mouthPressLeft"][52, 1] < -0.5


@pytest.mark.parametrize("both", [1.0, 0.4])
def test_pressed_lips_stay_shut_and_become_narrow(rig, mesh, both):
    v = rig.mesh(weights(mouthPressLeft=1.0, mouthPressRight=both))
    upper, lower = v[mesh.loops["lip_upper"]], v[mesh.loops["lip_lower"]]
    assert np.abs(upper - lower).max() < 3 * STEP
    narrow = (v - rig.neutral)[rig.landmarks]
    assert (narrow[51, 1] - narrow[57, 1]) < -2


def test_the_tongue_alone_comes_out_over_the_lower_lip(rig, mesh):
    tongue = np.flatnonzero(mesh.is_part("tongue"))
    moved = rig.shapes[INDEX["tongueOut"]]
    assert not np.delete(moved, tongue, 0).any()
    tip = (rig.neutral + moved)[tongue[np.argmax(rig.neutral[tongue, 2])]]
    lip = rig.neutral[rig.landmarks[57]]
    assert tip[2] > rig.neutral[rig.landmarks[ibug.MOUTH], 2].max() + 5
    assert lip[1] < tip[1] < rig.neutral[rig.landmarks[62], 1]


def test_gaze_turns_the_eyeballs_and_nothing_else_does(rig, mesh):
    ball = mesh.is_part("eye_left")
    vertices = mesh.vertices[ball]
    pupil = np.nonzero(ball)[0][np.argmax(vertices[:, 2])]
    assert rig.shapes[INDEX["eyeLookUpLeft"], pupil, 1] > 3
    assert rig.shapes[INDEX["eyeLookDownLeft"], pupil, 1] < -3
    assert rig.shapes[INDEX["eyeLookOutLeft"], pupil, 0] > 3
    assert rig.shapes[INDEX["eyeLookInLeft"], pupil, 0] < -3
    others = [i for i, name in enumerate(CHANNELS) if not name.startswith("eyeLook")]
    assert not rig.shapes[others][:, np.nonzero(ball)[0]].any()


def test_upper_teeth_shirt_ears_and_hair_have_no_expression(rig, mesh):
    n = rig.meta["n_shared"]
    still = np.concatenate([np.nonzero(mesh.is_part("teeth_upper", "shirt", "ear"))[0], np.arange(n, len(rig.neutral))])
    assert not rig.shapes[:, still].any()


def test_head_turn_bends_the_neck_and_leaves_the_shirt(rig, mesh):
    turned = rig.rotate_head(rig.neutral, matrix_from_euler([0.1, 0.4, 0.0]))
    move = np.linalg.norm(turned - rig.neutral, axis=1)[: len(mesh)]
    assert move[mesh.is_part("shirt")].max() == 0
    rigid = (rig.neutral - rig.pivot) @ matrix_from_euler([0.1, 0.4, 0.0]).T.astype(np.float32) + rig.pivot
    face = np.concatenate([rig.regions["upper_face"], rig.regions["mouth"]])
    np.testing.assert_allclose(turned[face], rigid[face], atol=1e-3)  # float32
    neck = mesh.is_part("skin") & (mesh.vertices[:, 1] < -125)
    assert ((rig.head_weight[: len(mesh)][neck] > 0.05) & (rig.head_weight[: len(mesh)][neck] < 0.95)).mean() > 0.3


# ---------------------------------------------------------------- landmarks, contour, regions


def test_landmarks_run_in_ibug_order_and_mirror(rig):
    p = rig.neutral[rig.landmarks]
    assert (np.diff(p[:17, 0]) > 0).all(), "jaw from the subject's right to left"
    assert np.argmin(p[:17, 1]) == 8
    assert (np.diff(p[17:27, 0]) > 0).all()
    assert (np.diff(p[27:31, 1]) < 0).all()
    assert p[36, 0] < p[39, 0] < 0 < p[42, 0] < p[45, 0]
    assert p[[37, 38, 43, 44], 1].min() > p[[40, 41, 46, 47], 1].max()
    assert p[48, 0] < p[51, 0] < p[54, 0]
    assert p[51, 1] > p[62, 1] >= p[66, 1] > p[57, 1]
    np.testing.assert_allclose(p, p[ibug.MIRROR] * FLIP, atol=1e-4)  # float32 of 100 mm


def test_inner_lip_landmarks_part_with_the_jaw(rig):
    v = rig.mesh(weights(jawOpen=0.5))[rig.landmarks]
    assert (v[[61, 62, 63], 1] - v[[67, 66, 65], 1]).min() > 5


def test_contour_candidates_run_from_the_ear_to_the_front(rig):
    place = rig.neutral[rig.contour]
    assert rig.contour.shape[0] == 17
    assert (place[:, -1, 2] > place[:, 0, 2] + 20).all()
    jaw = rig.neutral[rig.landmarks[:17]]
    assert np.linalg.norm(place - jaw[:, None], axis=-1).min(1).max() < 4  # the points themselves are candidates


def test_regions_hold_their_landmarks(rig):
    assert {"lips", "upper_face", "mouth", "eyes", "brows"} <= set(rig.regions)
    assert set(rig.landmarks[60:]) <= set(rig.regions["lips"])
    assert set(rig.landmarks[36:48]) <= set(rig.regions["eyes"])
    assert not set(rig.regions["lips"]) & set(rig.regions["upper_face"])


# ---------------------------------------------------------------- actors


@pytest.mark.parametrize("style", STYLES_TRIED)
def test_styles_share_the_template_and_add_hair_behind_it(rig, style):
    other = builtin.build(style=style, look=builtin.look(9), seed=4)
    n = rig.meta["n_shared"]
    assert other.meta["n_shared"] == n
    np.testing.assert_array_equal(other.neutral[:n], rig.neutral[:n])
    np.testing.assert_array_equal(other.shapes[:, :n], rig.shapes[:, :n])
    np.testing.assert_array_equal(other.identity[:, :n], rig.identity[:, :n])
    np.testing.assert_array_equal(other.landmarks, rig.landmarks)
    np.testing.assert_array_equal(other.contour, rig.contour)
    shared = (rig.triangles < n).all(1)
    np.testing.assert_array_equal(other.triangles[: shared.sum()], rig.triangles[shared])
    assert (other.triangles[shared.sum() :] >= n).all()
    assert (len(other.neutral) > n) == (style != "bald")


def test_actors_alternate_in_sex_and_come_back_the_same():
    actor, again = builtin.actor(3), builtin.actor(3)
    assert actor.sex == "male"
    assert builtin.actor(4).sex == "female"
    np.testing.assert_array_equal(actor.identity, again.identity)
    np.testing.assert_array_equal(actor.rig.neutral, again.rig.neutral)
    np.testing.assert_array_equal(actor.rig.colors, again.rig.colors)
    assert actor.look == builtin.look(3)
    assert len({builtin.look(k) for k in range(1, builtin.N_ACTORS + 1)}) == builtin.N_ACTORS


@pytest.mark.parametrize("number", [0, 25])
def test_unknown_actor_is_refused(number):
    with pytest.raises(ValueError, match="from 1 to 24"):
        builtin.look(number)


def test_importing_the_package_is_cheap():
    code = "import sys, speechface.rig.builtin; print('scipy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "False"


def test_weights_of_both_sides_add_up_to_the_symmetric_motion(rig):
    both = rig.shapes[columns(CHANNELS, ["mouthSmileLeft", "mouthSmileRight"])].sum(0)
    middle = rig.landmarks[62]
    assert abs(both[middle, 0]) < 2 * STEP

"""MediaPipe's Face Landmarker: what its networks' numbers mean, and faces followed with it.

The package mediapipe is the reference; benchmarks/mediapipe_agreement.py compares with it. Here drawn heads, whose
places are known, and toy numbers.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from speechface.errors import ModelError
from speechface.geometry import mesh478
from speechface.landmarks.mesh import blaze
from speechface.landmarks.mesh.finder import MeshFinder, _squares
from speechface.landmarks.mesh.landmarker import FaceLandmarker, Roi, _Network
from speechface.media import ArrayImage

SIZE = 400


def test_anchors_fill_two_grids():
    places = blaze.anchors() * blaze.SIDE
    assert places.shape == (896, 2)
    assert places[:4].tolist() == [[4, 4], [4, 4], [12, 4], [12, 4]]  # 16 x 16 cells of 8 pixels, two in each
    assert places[512].tolist() == [8, 8]  # then 8 x 8 cells of 16 pixels, six in each
    assert places[-1].tolist() == [120, 120]


def test_a_row_is_a_box_around_its_anchor_and_points_beside_it():
    values, scores = np.zeros((896, 16)), np.full(896, -5.0)
    values[2], scores[2] = [4, 12, 32, 16, *[8] * 12], 3.0  # anchor (12, 4)
    faces = blaze.decode(values, scores, 0.0)
    np.testing.assert_allclose(faces.boxes * 128, [[0, 8, 32, 24]])
    np.testing.assert_allclose(faces.points[0] * 128, [[20, 12]] * 6)
    assert faces.scores.tolist() == [3.0]


def test_boxes_of_one_face_are_averaged_by_their_probability():
    boxes = np.array([[0, 0, 10, 10], [100, 0, 110, 10], [1, 0, 11, 10]], float)
    scores = np.array([0.0, 2.0, np.log(3)])  # probabilities 1/2, .88, 3/4
    faces = blaze.suppress(blaze.Faces(boxes, np.arange(36.0).reshape(3, 6, 2), scores))
    np.testing.assert_allclose(faces.boxes, [[100, 0, 110, 10], [0.6, 0, 10.6, 10]])
    np.testing.assert_allclose(faces.scores, [2.0, np.log(3)])
    np.testing.assert_allclose(faces.points[1, 0], [0.6 * 24, 0.6 * 24 + 1])
    assert len(blaze.suppress(blaze.decode(np.zeros((896, 16)), np.full(896, -9.0), 0.0))) == 0


def test_the_crop_follows_the_face_level_with_its_eyes():
    points = np.zeros((478, 3))
    points[0, :2], points[1, :2] = (-30, -20), (30, 20)
    points[33, :2], points[263, :2] = (-10, -5), (10, -5)
    level = Roi.of_points(points)
    assert (level.x, level.y, level.width, level.height, level.angle) == (0, 0, 90, 90, 0)
    points[263, :2] = (10, 15)
    assert Roi.of_points(points).angle == pytest.approx(np.pi / 4)
    turned = Roi(10, 20, 8, 4, np.pi / 2)
    np.testing.assert_allclose(turned.place(np.array([[0.5, 0.5], [1, 0.5], [0.5, 1]])), [[10, 20], [10, 24], [8, 20]])


def test_groups_of_points_are_rings_that_share_no_point():
    groups = [mesh478.LIPS, mesh478.RIGHT_EYE, mesh478.LEFT_EYE, mesh478.RIGHT_BROW, mesh478.LEFT_BROW, mesh478.NOSE,
              mesh478.FACE_OVAL, np.arange(478)[mesh478.RIGHT_IRIS], np.arange(478)[mesh478.LEFT_IRIS]]  # fmt: skip
    together = np.concatenate(groups)
    assert len(set(together.tolist())) == len(together)
    assert {*mesh478.MOUTH_CORNERS, *np.ravel(mesh478.INNER_LIP_PAIRS)} <= set(mesh478.INNER_LIPS.tolist())
    assert len(mesh478.BLENDSHAPE_POINTS) == 146
    assert len(mesh478.BLENDSHAPES) == 52
    assert mesh478.JAW[len(mesh478.JAW) // 2] == mesh478.CHIN


def test_squares_cover_an_image_and_overlap_by_half():
    covered = np.zeros((720, 1280), int)
    for left, top, right, bottom in _squares(covered.shape, 2):
        assert (right - left, bottom - top) == (640, 640)
        covered[top:bottom, left:right] += 1
    assert covered.min() >= 1
    assert _squares(covered.shape, 1) == [(0, 0, 1280, 720)]


def test_a_missing_interpreter_is_said_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ModelError, match="pip install ai-edge-litert"):
        _Network(b"")


@pytest.fixture(scope="module")
def landmarker(shared_models):
    """The networks; skipped where the model file or the interpreter is absent."""
    pytest.importorskip("ai_edge_litert")
    path = shared_models / "face_landmarker.task"
    if not path.is_file():
        pytest.skip("needs ../shared/models/face_landmarker.task")
    return FaceLandmarker(path)


@pytest.fixture(scope="module")
def draw(graphics):
    """Function (shift and distance in mm, roll in degrees, weights by channel) -> image of a head."""
    from speechface.geometry.camera import Camera
    from speechface.geometry.rotation import matrix_from_euler
    from speechface.render.pose import pose
    from speechface.render.renderer import Renderer
    from speechface.rig import builtin
    from speechface.rig.channels import ARKIT52 as CHANNELS
    from speechface.synthesis.visemes import INDEX

    rig = builtin.build()

    with Renderer(SIZE, SIZE) as renderer:

        def image(shift=0.0, distance=900.0, roll=0.0, yaw=0.0, **weights):
            values = np.zeros(len(CHANNELS), np.float32)
            for name, value in weights.items():
                values[INDEX[name]] = value
            turn = matrix_from_euler(np.deg2rad([0, yaw, roll]))
            vertices, offset = pose(rig, values, None, turn, (shift, 15, -distance))
            camera = Camera.for_image(SIZE, SIZE, 3.0)
            return renderer.draw(vertices, rig, camera=camera, normal_offset=offset)

        yield image


def found(landmarker, image):
    """Points of the surest face."""
    faces = landmarker.faces(image)
    return landmarker.points(ArrayImage(image), Roi.of_box(faces.boxes[0], faces.points[0, :2]))[0]


def gap(points):
    upper, lower = np.array(mesh478.INNER_LIP_PAIRS).T
    width = np.linalg.norm(points[mesh478.RIGHT_EYE_CORNERS[0]] - points[mesh478.LEFT_EYE_CORNERS[0]])
    return np.linalg.norm(points[upper] - points[lower], axis=-1).mean() / width


def test_points_and_scores_are_those_of_the_package_mediapipe(landmarker):
    """Recorded by the package on a drawn head."""
    here = Path(__file__).parent
    head = cv2.imread(str(here.parent / "golden" / "head.png"), cv2.IMREAD_COLOR_RGB)
    expected = json.loads((here / "mediapipe_head.json").read_text())
    points = found(landmarker, head)
    assert np.linalg.norm(points[:, :2] - expected["points"], axis=1).max() < 0.3  # other rounding of crops: 0.2 px
    scores = dict(zip(mesh478.BLENDSHAPES, landmarker.expression(points)))
    assert scores == pytest.approx(expected["scores"], abs=0.02)  # of points that are 0.2 px apart
    given = dict(zip(mesh478.BLENDSHAPES, landmarker.expression(np.array(expected["points"]))))
    assert given == pytest.approx(expected["scores"], abs=2e-3)  # points rounded to 0.01 px


def test_points_move_and_mirror_with_the_image(landmarker, draw):
    image = draw()
    points = found(landmarker, image)
    width = np.ptp(points[:, 0])
    moved = found(landmarker, np.roll(image, (9, -14), (0, 1)))
    # the network reads 256 pixels of a face of 200: other pixels, points that differ by half a per cent
    assert np.abs(moved[:, :2] - points[:, :2] - (-14, 9)).mean() < 0.005 * width
    other = found(landmarker, np.ascontiguousarray(image[:, ::-1]))
    chin = other[mesh478.CHIN, :2] - (SIZE - 1 - points[mesh478.CHIN, 0], points[mesh478.CHIN, 1])
    assert np.abs(chin).max() < 0.02 * width


def test_points_and_scores_tell_expressions(landmarker, draw):
    def score(points, name):
        return landmarker.expression(points)[mesh478.BLENDSHAPES.index(name)]

    rest, wide = found(landmarker, draw()), found(landmarker, draw(jawOpen=0.7))
    assert gap(rest) < 0.04 < 0.15 < gap(wide)
    assert score(rest, "jawOpen") < 0.1 < 0.3 < score(wide, "jawOpen")
    smile = found(landmarker, draw(mouthSmileLeft=0.9, mouthSmileRight=0.9))
    assert score(smile, "mouthSmileLeft") > score(rest, "mouthSmileLeft") + 0.3
    aside = found(landmarker, draw(eyeLookOutLeft=0.6, eyeLookInRight=0.6))  # to the subject's left: the image's right
    for iris, corner in ((468, 133), (473, 362)):
        assert aside[iris, 0] - aside[corner, 0] > rest[iris, 0] - rest[corner, 0] + 2


def follow(landmarker, images, every=10):
    from speechface.landmarks.tracking import FaceTracker

    return FaceTracker(MeshFinder(landmarker), detect_every=every, points=478).follow(map(ArrayImage, images))


def test_a_moving_rolling_face_is_followed_as_if_every_frame_stood_alone(landmarker, draw):
    images = [draw(shift=60 * np.sin(k / 6), roll=3.0 * k) for k in range(15)]
    tracks = follow(landmarker, images)
    assert tracks.detected.all()
    assert (tracks.faces, tracks.losses, tracks.strangers) == (1, 0, 0)
    assert (tracks.score > 0).all()
    for k in (3, 9, 14):
        alone = found(landmarker, images[k])[:, :2]
        # another crop of a head that leans by up to 42 degrees: 2 per cent
        assert np.linalg.norm(tracks.landmarks[k] - alone, axis=1).mean() < 0.03 * np.ptp(alone[:, 0])


def test_a_face_that_goes_is_lost_and_found_again(landmarker, draw):
    empty = np.full((SIZE, SIZE, 3), 200, np.uint8)
    images = [*[draw(shift=-40)] * 12, *[empty] * 8, *[draw(shift=40)] * 8]
    tracks = follow(landmarker, images)
    assert tracks.detected.tolist() == [True] * 12 + [False] * 8 + [True] * 8
    assert np.isnan(tracks.landmarks[12:20]).all()
    assert tracks.landmarks[20:, :, 0].mean() > tracks.landmarks[:12, :, 0].mean() + 40


def test_a_face_in_profile_is_a_frame_without_a_face_but_not_lost(landmarker, draw):
    images = [draw(yaw=yaw) for yaw in (*range(0, 90, 6), *range(90, -1, -6))]
    tracks = follow(landmarker, images)
    assert tracks.losses == 0
    assert not tracks.detected[14:17].any()  # from 84 to 84 degrees
    assert tracks.detected[:9].all()  # up to 48 degrees
    assert tracks.detected[22:].all()
    assert (tracks.score[tracks.detected] > 0).all()


def test_of_two_faces_the_larger_is_followed_and_both_are_counted(landmarker, draw):
    pair = np.concatenate([draw(distance=1500.0), draw()], 1)
    tracks = follow(landmarker, [pair] * 12)
    assert tracks.faces == 2
    assert tracks.detected.all()
    assert (tracks.landmarks.mean(1)[:, 0] > SIZE).all()


def test_a_small_face_in_a_large_image_is_found(landmarker, draw):
    image = np.full((720, 1280, 3), 210, np.uint8)
    image[500:580, 1000:1080] = cv2.resize(draw(), (80, 80), interpolation=cv2.INTER_AREA)
    assert not len(landmarker.faces(image))  # 6 pixels wide where the detector looks
    tracks = follow(landmarker, [image] * 2)
    assert tracks.detected.all()
    assert np.abs(tracks.landmarks[0].mean(0) - (1040, 540)).max() < 8


def test_an_image_without_a_face_has_none(landmarker, rng):
    noise = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
    tracks = follow(landmarker, [noise] * 3)
    assert not tracks.detected.any()
    assert tracks.landmarks.shape == (3, 478, 2)


def test_both_detectors_points_are_of_one_face_and_mediapipe_s_what_they_are_alone(landmarker, draw, shared_models):
    from speechface.config import parse_section
    from speechface.landmarks.detectors import DETECTORS

    images = [np.concatenate([draw(distance=1500.0), draw(shift=10.0 * k)], 1) for k in range(4)]
    model = str(shared_models / "face_landmarker.task")
    tracker = DETECTORS["both"].open(parse_section("landmarks", {"detector": "both", "model": model}))
    tracks, alone = tracker.track(map(ArrayImage, images)), follow(landmarker, images)
    np.testing.assert_array_equal(tracks.landmarks[:, 68:], alone.landmarks)
    np.testing.assert_array_equal(tracks.box, alone.box)
    gap = np.linalg.norm(tracks.landmarks[:, :68] - alone.landmarks[:, mesh478.IBUG], axis=-1).mean(1)
    width = np.ptp(alone.landmarks[..., 0], 1)
    assert tracks.faces == 2
    assert (gap < 0.04 * width).all()  # brows and jaw differ most


def test_the_profile_of_both_is_that_of_each_on_its_points():
    from speechface.landmarks.detectors import DETECTORS

    points = np.random.default_rng(0).normal(size=(546, 2))
    both, mesh, face = (DETECTORS[name].profile for name in ("both", "mediapipe", "dlib"))
    assert both.lip_gap(points) == mesh.lip_gap(points[68:])
    assert both.interocular(points) == mesh.interocular(points[68:])
    assert both.eye_opening(points).tolist() == mesh.eye_opening(points[68:]).tolist()
    np.testing.assert_array_equal(both.numbers(both.jaw), face.numbers(face.jaw))
    modes = both.error_modes(1.0)
    np.testing.assert_array_equal(modes[:68, :, : len(face.error_modes_mm())], face.error_modes(1.0))
    np.testing.assert_array_equal(modes[68:, :, len(face.error_modes_mm()) :], mesh.error_modes(1.0))
    assert both.of_fitted().n_points == len(both.fitted) == 68 - 12 - 8 + len(mesh.fitted) - len(mesh.jaw)

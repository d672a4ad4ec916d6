"""dlib's models: found, converted, cached, and giving what dlib gives."""

import importlib.util
import os
import subprocess
import sys
from types import SimpleNamespace

import dlib
import numpy as np
import pytest

from speechface.errors import ModelError
from speechface.landmarks import forest, model


@pytest.fixture(scope="module")
def face():
    """The models as every command loads them; the first run converts them, the second call reads the cache."""
    model.DlibFace(clahe_clip=2.0, jittered_boxes=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "parse_predictor", None)  # whoever parses again fails
        yield model.DlibFace(clahe_clip=2.0, jittered_boxes=1)


def blobs(rng, height=200, width=220):
    """A smooth random image: contrast everywhere, so that all trees are used."""
    coarse = rng.integers(0, 255, (12, 12)).astype(np.uint8)
    import cv2

    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def test_the_model_is_found_without_importing_its_package():
    path = model.predictor_path()
    assert path.stat().st_size == model.PREDICTOR_BYTES
    assert "face_recognition_models" not in sys.modules


def test_a_missing_model_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install face_recognition_models==0.3.0"):
        model.predictor_path()


def test_a_damaged_model_is_not_used(monkeypatch):
    monkeypatch.setattr(model, "PREDICTOR_BYTES", 17)
    with pytest.raises(ModelError, match=r"99,693,937 bytes instead of 17.*pip install"):
        model.predictor_path()


def test_landmarks_are_those_of_dlib_before_rounding(face, rng):
    reference = dlib.shape_predictor(str(model.predictor_path()))
    gaps = []
    for _ in range(20):
        gray = blobs(rng)
        left, top, side = (int(n) for n in rng.integers([-10, -10, 90], [60, 60, 170]))
        shape = reference(gray, dlib.rectangle(left, top, left + side, top + side))
        whole = np.array([(point.x, point.y) for point in shape.parts()])
        gaps.append(face._forest.predict(gray, (left, top, left + side, top + side)) - whole)
    gaps = np.abs(gaps)
    # dlib rounds to whole pixels; it computes in float32, so a sampled pixel may fall on the other side of a boundary,
    # which moves a few of the points by a few hundredths
    assert (gaps <= 0.5).mean() > 0.97
    assert np.median(gaps.max((1, 2))) < 0.6


def test_landmarks_move_with_the_image(face, rng):
    gray = blobs(rng)
    still = face._forest.predict(gray, (40, 40, 160, 160))
    moved = face._forest.predict(np.roll(gray, (7, 11), (0, 1)), (51, 47, 171, 167))
    np.testing.assert_allclose(moved - [11, 7], still, atol=1e-9)


def test_detector_from_the_cache_is_dlibs(face, rng):
    builtin = dlib.get_frontal_face_detector()
    gray = blobs(rng, 240, 320)
    expected, scores, _ = builtin.run(gray, 0, -5.0)  # so low that something is found
    found, same, _ = face._detector.run(gray, 0, -5.0)
    assert len(expected) > 0
    assert list(found) == list(expected)
    assert list(same) == list(scores)


def test_nothing_is_found_in_a_blank_image(face):
    boxes, scores = face.detect(np.full((240, 320), 128, np.uint8), 0.5)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


def test_integers_of_known_bytes():
    data = bytes([0x01, 0x05, 0x81, 0x88, 0x00, 0x03, 0x4D, 0x38, 0xF1, 0x02, 0x00, 0x01])
    assert forest.parse_integers(data).tolist() == [5, -136, 0, 0xF1384D, 256]


def test_a_file_of_another_kind_is_refused():
    with pytest.raises(ModelError, match="not of the known kind"):
        forest.parse_predictor(bytes([1, 2, 1, 5, 1, 7]))


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path, monkeypatch, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("SPEECHFACE_CACHE", str(blocked / "cache"))
    monkeypatch.setattr(model, "parse_predictor", lambda data: {"leaves": np.zeros(3)})
    assert model.load_forest()["leaves"].tolist() == [0, 0, 0]
    assert "SPEECHFACE_CACHE" in caplog.text


def test_predictions_are_averaged_over_jittered_boxes(rng):
    face = model.DlibFace(clahe_clip=2.0, jittered_boxes=3)
    face._forest = SimpleNamespace(predict=lambda part, boxes: np.repeat(boxes[:, None, :2], 68, 1))
    box = np.array([40.0, 40, 160, 160])
    expected = model.jittered_boxes(box, 3)[:, :2].mean(0)
    # each box comes in pixels of the part that is read, the points go out in pixels of the image
    np.testing.assert_allclose(face.predict(blobs(rng), box), np.tile(expected, (68, 1)))


def test_faces_in_a_part_are_told_in_pixels_of_the_image(rng):
    face = model.DlibFace(clahe_clip=2.0, jittered_boxes=1)
    found, sizes = dlib.rectangle(10, 20, 50, 60), []
    face._detector = SimpleNamespace(run=lambda part, *_: (sizes.append(part.shape), ([found], [0.7], [0]))[1])
    boxes, scores = face.detect(blobs(rng, 400, 440), 0.5, (100, 60, 300, 280))
    assert sizes == [(110, 100)]  # the part at half size
    assert boxes.tolist() == [[120, 100, 200, 180]]
    assert scores.tolist() == [0.7]


def test_compiled_code_is_kept_for_the_next_process(tmp_path):
    code = (
        "import numpy as np; from speechface.landmarks import kernels;"
        "from speechface.landmarks.equalise import Equaliser;"
        "gray = np.arange(80 * 96, dtype=np.uint8).reshape(80, 96);"
        "part = Equaliser(clip_limit=2.0, tiles=8).part(gray, (0, 0, 96, 80));"
        "print(part.at(np.arange(40), np.arange(40)).tolist(), sum(kernels.read_pixels.stats.cache_hits.values()))"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def answer():
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.rsplit(" ", 1)

    values, hits = answer()
    assert hits == "0\n"
    assert answer() == [values, "1\n"]

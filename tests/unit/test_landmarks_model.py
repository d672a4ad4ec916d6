"""Finding dlib's model, and dlib on a blank picture."""

import importlib.util
import sys

import numpy as np
import pytest

from speechface.errors import ModelError
from speechface.landmarks import model


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


def test_detector_finds_nothing_in_a_blank_picture_and_predictor_scales_with_the_box():
    face = model.DlibFace()
    blank = np.full((240, 320), 128, np.uint8)
    boxes, scores = face.detect(blank, 0.5)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)
    # without contrast the predictor takes one path through its trees: the same shape in every box, to the pixel
    small, large = face.predict(blank, (50, 50, 150, 150)), face.predict(blank, (20, 10, 220, 210))
    np.testing.assert_allclose((large - [20, 10]) / 2, small - [50, 50], atol=1.0)

"""Faces of others as plain arrays."""

import numpy as np
import pytest
from tests.unit.synthetic import synthetic_rig

from speechface.errors import ConfigError, RigError
from speechface.rig.npz import read_npz
from speechface.rig.registry import build_rig


@pytest.fixture(scope="module")
def face():
    rig = synthetic_rig()
    names = ("neutral", "shapes", "channels", "triangles", "landmarks", "identity")
    return {name: np.array(getattr(rig, name)) for name in names}


def written(folder, arrays):
    np.savez(folder / "face.npz", **arrays)
    return folder / "face.npz"


def test_five_arrays_make_a_rig(face, tmp_path):
    required = {name: face[name] for name in ("neutral", "shapes", "channels", "triangles", "landmarks")}
    rig = read_npz(written(tmp_path, required), identity_modes=5)
    np.testing.assert_array_equal(rig.shapes, face["shapes"])
    assert rig.identity.shape == (0, len(face["neutral"]), 3)
    assert set(face["landmarks"][48:]) <= set(rig.regions["lips"])
    assert rig.name == "face"


def test_a_rig_keeps_its_own_list_of_channels_and_what_is_no_name_of_arkit_is_said(face, tmp_path, caplog):
    names = ["mouthSmileLeft", "jawOpen", "earWiggle"]
    some = face | {"shapes": face["shapes"][:3], "channels": np.array(names)}
    rig = read_npz(written(tmp_path, some), identity_modes=2)
    assert rig.channels == tuple(names)
    np.testing.assert_array_equal(rig.shapes, face["shapes"][:3])
    np.testing.assert_array_equal(rig.identity, face["identity"][:2])
    assert "earWiggle" in caplog.text


def test_a_rig_that_we_saved_is_read_too(tmp_path):
    synthetic_rig().save(tmp_path / "ours.npz")
    rig = build_rig("npz", tmp_path / "ours.npz", identity_modes=1)
    assert rig.name == "synthetic"
    assert len(rig.identity) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"neutral": None}, "'neutral' is missing"),
        ({"landmarks": np.arange(51)}, r"'landmarks' has shape \(51,\), expected \(68\)"),
        ({"triangles": np.array([[0, 1, 99999]])}, "triangles refer to vertex 99999"),
        ({"channels": None}, "'channels' is missing"),
        ({"channels": np.array(["jawOpen"] * 52)}, "channel 'jawOpen' is there twice"),
        ({"channels": np.array(["jaw open"] * 52)}, "'jaw open' cannot be the name of a channel"),
        ({"channels": np.array(["time"] * 52)}, "'time' cannot be the name of a channel"),
        ({"channels": np.array(["jawOpen"])}, "52 shapes, but 1 channel"),
        ({"identity": np.zeros((2, 5, 3))}, "'identity' has shape"),
        ({"colors": "nan"}, "not finite"),
    ],
)
def test_what_is_wrong_is_named(face, tmp_path, change, words):
    arrays = face | change
    arrays = {name: value for name, value in arrays.items() if value is not None}
    if isinstance(arrays.get("colors"), str):
        arrays["colors"] = np.full((len(face["neutral"]), 3), np.nan)
    with pytest.raises(RigError, match=words):
        read_npz(written(tmp_path, arrays), identity_modes=2)


@pytest.mark.parametrize(("matrix", "words"), [(0.1 * np.eye(3), "millimetres"), (np.diag([-1, 1, -1]), "look along")])
def test_other_units_and_directions_are_refused(face, tmp_path, matrix, words):
    with pytest.raises(RigError, match=words):
        read_npz(written(tmp_path, face | {"neutral": face["neutral"] @ matrix}), identity_modes=2)


def test_what_is_not_an_archive_is_said(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"no archive")
    with pytest.raises(RigError, match="not a readable"):
        read_npz(tmp_path / "x.npz", identity_modes=0)


@pytest.mark.parametrize(
    ("kind", "source", "error", "words"),
    [("npz", "", RigError, "source is empty"), ("builtin", "x", RigError, "needs none"),
     ("flame", "x", ConfigError, "unknown rig 'flame'; known are builtin, ict, npz")],
)  # fmt: skip
def test_registry_refuses_what_it_cannot_build(kind, source, error, words):
    with pytest.raises(error, match=words):
        build_rig(kind, source, identity_modes=1)

"""Visemes, presets and mouth cues from curves."""

import csv
import json

import numpy as np
import pytest
from animations import talking

from speechface.export.animation import ARKIT_NAMES
from speechface.export.cues import mouth_cues
from speechface.export.gltf import read_glb
from speechface.export.registry import FORMATS
from speechface.export.visemes import OCULUS, VRM_PRESETS, oculus_visemes, vrm_presets
from speechface.synthesis.articulation import articulate, close_lips, lip_seal, segments_of
from speechface.synthesis.visemes import VISEMES

#: Sounds of 0.2 s each between pauses, and the mouth shape of each.
WORDS = ("", "ɑ", "m", "ɑ", "f", "i", "p", "u", "w", "ɔ", "b", "ɛ", "")
SHAPES = "XDADGBAFFEACX"


def curves(arkit=True):
    """ARKit's curves (T, 52) at 30 frames/s of `WORDS` as spoken by the synthetic speaker."""
    from speechface.rig.channels import ARKIT52 as CHANNELS

    times = np.arange(round(0.2 * len(WORDS) * 30)) / 30
    segments = segments_of([(0.2 * k, ipa) for k, ipa in enumerate(WORDS)], duration=0.2 * len(WORDS))
    weights = close_lips(articulate(segments, times, gain=1.0), lip_seal(segments, times, frame_s=1 / 30))
    return {name: weights[:, CHANNELS.index(name)] for name in CHANNELS if name in ARKIT_NAMES}


def arkit(**values):
    return np.array([[values.get(name, 0.0) for name in ARKIT_NAMES]])


def test_each_shape_of_our_table_is_told_as_its_own_viseme():
    for name, viseme in (
        ("aa", "father"),
        ("U", "food"),
        ("O", "door"),
        ("E", "bed"),
        ("SS", "sibilant"),
        ("FF", "labiodental"),
    ):
        weights = oculus_visemes(arkit(**VISEMES[viseme].targets))[0]
        assert OCULUS[weights.argmax()] == name
        assert weights.max() > 0.7


def test_shut_lips_at_rest_are_silence_and_rows_add_up_to_1(rng):
    np.testing.assert_allclose(oculus_visemes(arkit())[0], np.eye(15)[0], atol=1e-6)
    anything = oculus_visemes(rng.random((200, 52)))
    np.testing.assert_allclose(anything.sum(1), 1, atol=1e-5)  # float32
    assert anything.min() >= 0


def test_presets_of_the_eyes():
    column = VRM_PRESETS.index
    winking = vrm_presets(arkit(eyeBlinkLeft=0.9, eyeBlinkRight=0.3))[0]
    np.testing.assert_allclose(
        winking[[column(n) for n in ("blink", "blinkLeft", "blinkRight")]], [0.3, 0.6, 0], atol=1e-6
    )
    left = vrm_presets(arkit(eyeLookOutLeft=0.5, eyeLookInRight=0.5, eyeLookUpLeft=0.2, eyeLookUpRight=0.2))[0]
    found = left[[column(n) for n in ("lookUp", "lookDown", "lookLeft", "lookRight")]]
    np.testing.assert_allclose(found, [0.2, 0, 0.5, 0], atol=1e-6)


def test_cues_follow_the_sounds_and_each_other(tmp_path):
    cues = mouth_cues(talking(tmp_path, **curves()))
    assert cues[0][0] == 0
    assert cues[-1][1] == pytest.approx(0.2 * len(WORDS))
    assert all(before[1] == after[0] and before[2] != after[2] for before, after in zip(cues, cues[1:]))
    for k, shape in enumerate(SHAPES):
        # a plosive's lips are shut before it is heard
        first, last = 0.2 * k - 0.07 * (shape == "A"), 0.2 * k + 0.1
        assert shape in [value for start, end, value in cues if start <= last and end > first], (WORDS[k], cues)


def test_cue_files_say_the_same(tmp_path):
    animation = talking(tmp_path, **curves())
    content = json.load(open(FORMATS["cues_json"].write(animation, tmp_path / "out")))
    rows = list(csv.reader(open(FORMATS["cues_tsv"].write(animation, tmp_path / "out")), delimiter="\t"))
    cues = content["mouthCues"]
    assert content["metadata"]["duration"] == cues[-1]["end"] == float(rows[-1][0])
    assert [[f"{cue['start']:.2f}", cue["value"]] for cue in cues] == rows[:-1]
    assert rows[0][0] == "0.00"
    assert rows[-1][1] == "X"


@pytest.mark.parametrize(("kind", "names"), [("visemes", OCULUS), ("vrm_presets", VRM_PRESETS)])
def test_weight_files_have_a_row_a_frame(kind, names, tmp_path):
    animation = talking(tmp_path, **curves())
    content = json.load(open(FORMATS[kind].write(animation, tmp_path / "out")))
    assert content["names"] == list(names)
    assert np.shape(content["frames"]) == (len(animation), len(names))


def test_visemes_move_a_foreign_mouth_as_arkit_s_curves_do(shared_avatars):
    """An avatar with both kinds of targets, its own: the opening of its mouth by the one follows that by the other."""
    document = read_glb((shared_avatars / "brunette-t.glb").read_bytes(), "x")
    content, data = document.json, document._parts[0]
    mesh = next(mesh for mesh in content["meshes"] if mesh["name"] == "Wolf3D_Head")

    def vectors(accessor):
        item = content["accessors"][accessor]
        values = np.zeros((item["count"], 3), np.float32)
        if "bufferView" in item:
            start = content["bufferViews"][item["bufferView"]].get("byteOffset", 0) + item.get("byteOffset", 0)
            values[:] = np.frombuffer(data, np.float32, values.size, start).reshape(-1, 3)
        if "sparse" in item:
            index, value = item["sparse"]["indices"], item["sparse"]["values"]
            kind = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32}[index["componentType"]]
            at, rows = (content["bufferViews"][part["bufferView"]].get("byteOffset", 0) + part.get("byteOffset", 0)
                        for part in (index, value))  # fmt: skip
            count = item["sparse"]["count"]
            values[np.frombuffer(data, kind, count, at)] = np.frombuffer(data, np.float32, 3 * count, rows).reshape(
                -1, 3
            )
        return values

    targets = dict(zip(mesh["extras"]["targetNames"], mesh["primitives"][0]["targets"]))
    names = curves()
    arkit_rows = np.stack([names.get(name, np.zeros(len(names["jawOpen"]))) for name in ARKIT_NAMES], 1)
    by_arkit = np.stack([vectors(targets[name]["POSITION"])[:, 1] for name in ARKIT_NAMES])
    by_viseme = np.stack([vectors(targets["viseme_" + name]["POSITION"])[:, 1] for name in OCULUS])
    down, up = by_arkit[ARKIT_NAMES.index("jawOpen")].argmin(), by_arkit[ARKIT_NAMES.index("mouthUpperUpLeft")].argmax()
    gaps = [rows @ (basis[:, up] - basis[:, down])
            for rows, basis in ((arkit_rows, by_arkit), (oculus_visemes(arkit_rows), by_viseme))]  # fmt: skip
    assert np.corrcoef(*gaps)[0, 1] > 0.9  # measured .96

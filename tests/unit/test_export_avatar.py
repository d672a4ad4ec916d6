"""Animations for other people's avatars, held against three.js and three-vrm."""

import json
import struct

import numpy as np
import pytest
from animations import animation_of, talking
from avatars import avatar, vrm

from speechface.errors import ConfigError, MediaError
from speechface.export.animation import ARKIT_NAMES
from speechface.export.gltf import Document, read_glb
from speechface.export.names import arkit_name, preset_name, viseme_name
from speechface.export.registry import FORMATS
from speechface.export.skeleton import Skeleton
from speechface.geometry.rotation import matrix_from_euler, quaternion_from_euler
from web import played, validated


def weights_at(path, frame, mesh=0):
    """Target -> weight of a mesh at a frame, read from the file's own accessors."""
    document = read_glb(path.read_bytes(), "x")
    content, data = document.json, document._parts[0]
    animation = content["animations"][-1]
    weights = [c for c in animation["channels"] if c["target"]["path"] == "weights"]
    channel = next(c for c in weights if content["nodes"][c["target"]["node"]]["mesh"] == mesh)
    accessor = content["accessors"][animation["samplers"][channel["sampler"]]["output"]]
    start = content["bufferViews"][accessor["bufferView"]]["byteOffset"]
    values = np.frombuffer(data, np.float32, accessor["count"], start)
    count = len(content["meshes"][mesh]["primitives"][0]["targets"])
    return values.reshape(-1, count)[frame]


@pytest.mark.parametrize("spelt", [
    lambda n: n, lambda n: n[0].upper() + n[1:], lambda n: n.replace("Left", "_L").replace("Right", "_R"),
    lambda n: n.replace("Left", ".L").replace("Right", ".R"), lambda n: n.replace("Left", "L").replace("Right", "R"),
    lambda n: "".join("_" + c.lower() if c.isupper() else c for c in n), lambda n: "Face.blendShape1." + n,
    lambda n: n.lower(), lambda n: "ARKit_face:" + n,
])  # fmt: skip
def test_arkit_s_names_are_known_in_any_usual_spelling(spelt):
    one_sided = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")  # nobody shortens these
    for name in ARKIT_NAMES:
        if name not in one_sided or spelt(name).lower().replace("_", "").endswith(("left", "right")):
            assert arkit_name(spelt(name)) == name


def test_other_names_are_not_taken_for_arkit_s():
    for name in ("viseme_aa", "mouthOpen", "Fcl_MTH_A", "jaw", "L", "eyesClosed", "browInner"):
        assert arkit_name(name) is None
    assert arkit_name("browInnerUp_L") == "browInnerUp"
    assert arkit_name("cheekPuffRight") == "cheekPuff"


def test_names_of_visemes_and_presets():
    visemes = {"viseme_aa": "aa", "vrc.v_ff": "FF", "v_oh": "O", "viseme_sil": "sil", "aa": None}
    assert {text: viseme_name(text) for text in visemes} == visemes
    presets = {"Fcl_MTH_O": "oh", "blink_l": "blinkLeft", "A": "aa", "Face.M_F00.Fcl_EYE_Close": "blink", "jaw": None}
    assert {text: preset_name(text) for text in presets} == presets


def test_nothing_else_in_the_avatar_changes(tmp_path):
    """The file's own bytes and JSON are there as they were, compressed meshes included."""
    animation = animation_of(tmp_path)
    for kind in ("glb", "glb_meshopt"):
        animation.avatar_file = str(avatar(tmp_path, kind=kind))
        path = FORMATS["avatar"].write(animation, tmp_path / "out")
        before = read_glb(open(animation.avatar_file, "rb").read(), "x")
        after = read_glb(path.read_bytes(), "x")
        assert after._parts[0].startswith(before._parts[0])
        for key, value in before.json.items():
            if key == "buffers":
                assert after.json[key][1:] == value[1:]
            elif key in ("accessors", "bufferViews"):
                assert after.json[key][: len(value)] == value
            else:
                assert after.json[key] == value
        assert set(after.json) - set(before.json) == {"animations"}
        (report,) = validated(path)
        assert report["errors"] == report["warnings"] == 0, report


def test_an_avatar_with_arkit_s_names_gets_our_curves(tmp_path):
    animation = animation_of(tmp_path)
    animation.avatar_file = str(avatar(tmp_path, lambda name: name.replace("Left", "_L").replace("Right", "_R")))
    path = FORMATS["avatar"].write(animation, tmp_path / "out")
    np.testing.assert_allclose(weights_at(path, 7), animation.weights[7])


def test_an_avatar_with_visemes_alone_speaks_by_them_and_blinks(tmp_path):
    names = {"jawOpen": "viseme_aa", "mouthPucker": "viseme_U", "mouthClose": "viseme_PP", "eyeBlinkLeft": "eyeBlink_L"}
    animation = talking(tmp_path, jawOpen=[0, 0.6, 0.2], mouthPucker=[0, 0, 0.8], eyeBlinkLeft=[0, 0, 1])
    animation.avatar_file = str(avatar(tmp_path, lambda name: names.get(name, "x" + name)))
    path = FORMATS["avatar"].write(animation, tmp_path / "out")
    places = {viseme: list(animation.rig.channels).index(name) for name, viseme in names.items()}
    rest, wide, round_ = (weights_at(path, k) for k in range(3))
    assert not rest.any()
    assert wide[places["viseme_aa"]] > 0.8 > 0.2 > wide[places["viseme_U"]]
    assert round_[places["viseme_U"]] > 0.8 > 0.2 > round_[places["viseme_aa"]]
    assert round_[places["eyeBlink_L"]] == 1


@pytest.mark.parametrize("version", [0, 1])
def test_a_vrm_s_expressions_are_driven_by_their_binds(version, tmp_path):
    animation = talking(tmp_path, jawOpen=[0, 0.6, 0], eyeBlinkLeft=[0, 0, 0.8])
    animation.avatar_file = str(vrm(tmp_path, version=version))
    path = FORMATS["avatar"].write(animation, tmp_path / "out")
    assert path.suffix == ".vrm"
    bind = 1.0 if version else 0.5
    jaw, blink = (list(animation.rig.channels).index(name) for name in ("jawOpen", "eyeBlinkLeft"))
    assert weights_at(path, 1)[jaw] > 0.85 * bind
    assert weights_at(path, 2)[blink] == pytest.approx(0.8 * bind)


def test_a_vrm_with_perfect_sync_gets_arkit_s_curves(tmp_path):
    animation = animation_of(tmp_path)
    animation.avatar_file = str(vrm(tmp_path, custom=animation.rig.channels))
    path = FORMATS["avatar"].write(animation, tmp_path / "out")
    np.testing.assert_allclose(weights_at(path, 7), animation.weights[7])


@pytest.mark.parametrize("as_matrix", [False, True])
@pytest.mark.parametrize("extension", [None, "VRM"])
def test_the_head_turns_about_the_avatar_s_axes_whatever_its_bones_axes(extension, as_matrix):
    """Rest of Head in the world, before and after: the turn between them is ours, turned around for VRM 0."""
    turned = quaternion_from_euler([[0.3, -0.8, 0.5], [1.2, 0.1, -0.4], [-0.3, 0.2, 2.0]]).tolist()
    content = {"nodes": [
        {"name": "Armature", "rotation": turned[0], "children": [1]},
        {"name": "mixamorig:Neck", "rotation": turned[1], "children": [2]},
        {"name": "mixamorig:Head", "rotation": turned[2]}, {"name": "Head", "mesh": 0},
    ]}  # fmt: skip
    if as_matrix:
        for node, turn in zip(content["nodes"], turned):
            matrix = np.eye(4)
            matrix[:3, :3] = 2 * _matrix(np.array(turn))  # scaled, too; columns first
            del node["rotation"]
            node["matrix"] = matrix.T.ravel().tolist()
    if extension:
        content["extensions"] = {extension: {}}
    skeleton = Skeleton(content)
    assert skeleton.bone("head") == 2
    assert skeleton.bone("leftEye") is None
    angles = np.array([[0.2, 0.3, -0.1]])
    new = skeleton.turned(2, angles)[0]
    a, b, rest = (_matrix(np.array(q)) for q in turned)
    around = np.diag([-1.0, 1.0, -1.0]) if extension else np.eye(3)
    expected = around @ matrix_from_euler(angles[0]) @ around @ (a @ b @ rest)
    np.testing.assert_allclose(a @ b @ _matrix(new), expected, atol=1e-12)


def _matrix(q):
    from scipy.spatial.transform import Rotation

    return Rotation.from_quat(q).as_matrix()


def test_avatars_that_cannot_speak_are_told_in_one_line(tmp_path):
    animation = animation_of(tmp_path)
    animation.avatar_file = str(avatar(tmp_path, lambda name: "x" + name))
    with pytest.raises(MediaError, match="no morph target that speech moves.*it has xbrow"):
        FORMATS["avatar"].write(animation, tmp_path / "out")
    content = json.dumps({"asset": {"version": "2.0"}}).encode() + b" "
    (tmp_path / "empty.glb").write_bytes(
        struct.pack("<IIIII", 0x46546C67, 2, 20 + len(content), len(content), 0x4E4F534A) + content
    )
    for name, data, message in (
        ("empty.glb", None, "no names of targets at all"), ("text.glb", b"hello, I am no avatar", "no binary glTF"),
        ("cut.glb", open(animation.avatar_file, "rb").read()[:5000], "whole file"), ("face.obj", b"v", "glb or .vrm"),
        ("none.vrm", None, "cannot be read"),
    ):  # fmt: skip
        if data is not None:
            (tmp_path / name).write_bytes(data)
        animation.avatar_file = str(tmp_path / name)
        with pytest.raises(MediaError, match=message):
            FORMATS["avatar"].write(animation, tmp_path / "out")
    assert not any((tmp_path / "out").glob("*"))


def test_a_real_avatar_speaks_in_three_js(tmp_path, shared_avatars):
    """Mouth shut, open, shut, and the head turned by what we say."""
    animation = talking(tmp_path, jawOpen=[0, 0, 0.8, 0.8, 0, 0], mouthFunnel=[0, 0, 0.3, 0.3, 0, 0])
    animation.rotations[2:4] = [0.1, 0.3, 0]
    animation.avatar_file = str(shared_avatars / "brunette-t.glb")
    path = FORMATS["avatar"].write(animation, tmp_path / "out")
    report, original = validated(path, animation.avatar_file)
    assert report == original
    result = played(path, [0.0, 2 / 30, 4 / 30], nodes=["Head"], look=[0, 1.6, 0])
    for name in ("Wolf3D_Head", "Wolf3D_Teeth"):
        found = [frame["meshes"][name]["jawOpen"] for frame in result["frames"]]
        np.testing.assert_allclose(found, [0, 0.8, 0], atol=1e-5)
    rest, turned = (_matrix(np.array(frame["turns"]["Head"])) for frame in result["frames"][:2])
    np.testing.assert_allclose(turned @ rest.T, matrix_from_euler([0.1, 0.3, 0]), atol=1e-5)


@pytest.mark.parametrize("kind", ["vrma", "vrma_arkit"])
def test_a_vrma_is_valid_and_moves_a_vrm_in_three_vrm(kind, tmp_path):
    gaze = dict.fromkeys(("eyeLookOutLeft", "eyeLookInRight", "eyeLookDownLeft", "eyeLookDownRight"), [0, 0.5, 0.5, 0])
    animation = talking(tmp_path, jawOpen=[0, 0.6, 0.6, 0], **gaze)
    animation.rotations[1:3] = [0.1, 0.3, -0.2]
    path = FORMATS[kind].write(animation, tmp_path / "out")
    (report,) = validated(path)
    assert report["errors"] == report["warnings"] == 0, report
    result = played(vrm(tmp_path, custom=("jawOpen", "mouthPucker")), [0.0, 1 / 30], motion=path, nodes=["Head"])
    before, after = result["frames"]
    name, weight = ("aa", 0.9) if kind == "vrma" else ("jawOpen", 0.6)
    assert before["expressions"][name] == pytest.approx(0, abs=1e-6)
    assert after["expressions"][name] >= weight - 1e-6
    other = "jawOpen" if kind == "vrma" else "aa"
    assert after["expressions"][other] == 0  # never both: the mouth would move twice
    turn = _matrix(np.array(after["turns"]["Head"])) @ _matrix(np.array(before["turns"]["Head"])).T
    np.testing.assert_allclose(turn, matrix_from_euler([0.1, 0.3, -0.2]), atol=1e-5)
    # three-vrm's yaw is positive to the avatar's left, its pitch down (a turn about +x), degrees
    np.testing.assert_allclose(after["gaze"], np.degrees([0.26, 0.293]), atol=0.1)


def test_an_avatar_takes_the_place_of_our_head_in_animate():
    from speechface.commands.animate import _formats

    assert _formats(None, "") == ["glb", "livelink"]
    assert _formats(None, "me.vrm") == ["avatar", "livelink"]
    assert _formats(["npy"], "me.vrm") == ["avatar", "npy"]
    with pytest.raises(ConfigError, match="--avatar"):
        _formats(["avatar"], "")


def test_an_avatar_that_cannot_speak_is_refused_before_any_sound_is_read(tmp_path, capsys):
    from speechface.cli import main

    (tmp_path / "text.glb").write_text("no avatar")
    words = ["animate", "absent.wav", "--avatar", str(tmp_path / "text.glb"), "--out", str(tmp_path / "out")]
    assert main(words) == 1
    assert "text.glb: no binary glTF" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("length", [1.5, "9", None])
def test_a_length_that_is_no_whole_number_is_told(tmp_path, length):
    document = Document({"asset": {"version": "2.0"}})
    document.append(bytes(8))
    content = document.to_bytes().replace(b'"byteLength":8', b'"byteLength":' + json.dumps(length).encode())
    size = int.from_bytes(content[12:16], "little") - 1 + len(json.dumps(length))
    with pytest.raises(MediaError, match="x: the JSON of the glTF cannot be read"):
        read_glb(content[:12] + size.to_bytes(4, "little") + content[16:], "x")

"""Small avatars of other people's making: the synthetic face under other names, as VRM, compressed."""

from animations import animation_of

from speechface.export.gltf import read_glb
from speechface.export.registry import FORMATS

__all__ = ["avatar", "vrm"]

#: Bones that a VRM must have, and the one above.
_ABOVE = {"hips": None, "spine": "hips", "head": "spine"} | {
    bone: above
    for side in ("left", "right")
    for bone, above in (
        (f"{side}UpperLeg", "hips"), (f"{side}LowerLeg", f"{side}UpperLeg"), (f"{side}Foot", f"{side}LowerLeg"),
        (f"{side}UpperArm", "spine"), (f"{side}LowerArm", f"{side}UpperArm"), (f"{side}Hand", f"{side}LowerArm"),
    )
}  # fmt: skip


def _document(tmp_path, kind="glb"):
    folder = tmp_path / "avatars"
    folder.mkdir(exist_ok=True)
    animation = animation_of(tmp_path, count=2)
    animation.sound = None
    document = read_glb(FORMATS[kind].write(animation, folder).read_bytes(), "avatar")
    del document.json["animations"]
    return document


def avatar(tmp_path, names=None, *, kind="glb", name="avatar.glb"):
    """The synthetic face as .glb whose targets are called `names` (function of ours); no animation."""
    document = _document(tmp_path, kind)
    extras = document.json["meshes"][0]["extras"]
    extras["targetNames"] = [names(text) if names else text for text in extras["targetNames"]]
    path = tmp_path / "avatars" / name
    path.write_bytes(document.to_bytes())
    return path


def vrm(tmp_path, *, version=1, custom=()):
    """The synthetic face as .vrm: presets aa, ou (mouthPucker) and blinks, and `custom` ones of ARKit's names."""
    document = _document(tmp_path)
    content = document.json
    names = content["meshes"][0]["extras"].pop("targetNames")
    nodes, bones = content["nodes"], {"head": 1}
    nodes[0]["children"] = []
    for bone in _ABOVE:
        if bone != "head":
            bones[bone] = document.add("nodes", {"name": bone})
    for bone, above in _ABOVE.items():
        nodes[bones[above] if above else 0].setdefault("children", []).append(bones[bone])
    face = next(k for k, node in enumerate(nodes) if node.get("mesh") == 0)
    content["extensions"] = {}
    presets = {"aa": "jawOpen", "ou": "mouthPucker", "blinkLeft": "eyeBlinkLeft", "blinkRight": "eyeBlinkRight"}
    if version == 1:

        def expression(channel):
            return {"morphTargetBinds": [{"node": face, "index": names.index(channel), "weight": 1.0}]}

        content["extensions"]["VRMC_vrm"] = {
            "specVersion": "1.0",
            "meta": {"name": "test", "authors": ["speechface"], "licenseUrl": "https://vrm.dev/licenses/1.0/"},
            "humanoid": {"humanBones": {bone: {"node": node} for bone, node in bones.items()}},
            "expressions": {"preset": {name: expression(channel) for name, channel in presets.items()},
                            "custom": {name: expression(name) for name in custom}},
            "lookAt": {"type": "bone", "offsetFromHeadBone": [0, 0.06, 0.06],
                       **{"rangeMap" + key: {"inputMaxValue": 90, "outputScale": 90}
                          for key in ("HorizontalInner", "HorizontalOuter", "VerticalDown", "VerticalUp")}},
        }  # fmt: skip
        document.use("VRMC_vrm")
    else:
        old = {"aa": "a", "ou": "u", "blinkLeft": "blink_l", "blinkRight": "blink_r"}
        content["extensions"]["VRM"] = {
            "specVersion": "0.0",
            "humanoid": {"humanBones": [{"bone": bone, "node": node} for bone, node in bones.items()]},
            "blendShapeMaster": {"blendShapeGroups": [
                {"name": name, "presetName": old[name],
                 "binds": [{"mesh": 0, "index": names.index(channel), "weight": 50}]}
                for name, channel in presets.items()
            ]},
        }  # fmt: skip
        document.use("VRM")
    path = tmp_path / "avatars" / f"avatar{version}.vrm"
    path.write_bytes(document.to_bytes())
    return path

"""The speaking head as USD: UsdSkel blend shapes and a head joint, for Omniverse, Houdini, Maya, Blender, usdview.

Needs the package usd-core. The scene is in metres, +y up; time codes are frames.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from speechface.errors import ConfigError
from speechface.export.animation import Animation
from speechface.export.glb import FINE_MM
from speechface.export.head_mesh import Part, cut
from speechface.files import written_whole
from speechface.geometry.rotation import quaternion_from_euler

__all__ = ["DESCRIPTION", "SUFFIX", "write"]

DESCRIPTION = "the speaking head as USD (needs usd-core)"
SUFFIX = ".usdc"

_JOINTS = ["Body", "Body/Head"]


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>.usdc`` into `folder` and return its path.

    Raises
    ------
    ConfigError
        If usd-core is not installed.
    """
    try:
        from pxr import Usd
    except ImportError:
        raise ConfigError("format usd needs the package usd-core: pip install usd-core") from None
    path = folder / f"{animation.name}{SUFFIX}"
    with written_whole(path) as temporary:
        stage = Usd.Stage.CreateInMemory()
        _describe(stage, animation)
        stage.Export(temporary)
    return path


def _describe(stage: Any, animation: Animation) -> None:
    from pxr import Sdf, UsdGeom, UsdSkel, Vt

    rig, fps = animation.rig, float(animation.fps)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(fps)
    stage.SetFramesPerSecond(fps)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(animation) - 1)
    root = UsdSkel.Root.Define(stage, "/Face")
    stage.SetDefaultPrim(root.GetPrim())
    skeleton = UsdSkel.Skeleton.Define(stage, "/Face/Skeleton")
    pivot = rig.pivot.astype(float) / 1000
    at_rest = np.tile(np.eye(4), (2, 1, 1))
    at_rest[1, 3, :3] = pivot  # rows are vectors
    skeleton.CreateJointsAttr(_JOINTS)
    skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray.FromNumpy(at_rest))
    skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray.FromNumpy(at_rest))
    motion = UsdSkel.Animation.Define(stage, "/Face/Animation")
    motion.CreateJointsAttr(_JOINTS)
    motion.CreateTranslationsAttr(Vt.Vec3fArray.FromNumpy(at_rest[:, 3, :3].astype(np.float32)))
    motion.CreateScalesAttr(Vt.Vec3hArray.FromNumpy(np.ones((2, 3), np.float16)))
    motion.CreateBlendShapesAttr(list(rig.channels))
    turned, weighted = motion.CreateRotationsAttr(), motion.CreateBlendShapeWeightsAttr()
    turns = np.zeros((len(animation), 2, 4), np.float32)
    turns[:, 0, 3] = 1
    turns[:, 1] = quaternion_from_euler(animation.rotations)
    weights = animation.weights
    for k in range(len(animation)):
        turned.Set(Vt.QuatfArray.FromNumpy(turns[k]), k)
        weighted.Set(Vt.FloatArray.FromNumpy(weights[k]), k)
    UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([motion.GetPath()])
    for part in cut(rig, ordered=False, still_mm=FINE_MM):
        _mesh(stage, part, list(rig.channels))
        binding = UsdSkel.BindingAPI.Apply(stage.GetPrimAtPath(f"/Face/{part.name}"))
        binding.CreateSkeletonRel().SetTargets([Sdf.Path("/Face/Skeleton")])


def _mesh(stage: Any, part: Part, channels: list[str]) -> None:
    from pxr import Sdf, UsdGeom, UsdShade, UsdSkel, Vt

    mesh = UsdGeom.Mesh.Define(stage, f"/Face/{part.name}")
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(part.neutral))
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(part.normals))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(part.triangles), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(part.triangles.astype(np.int32).ravel()))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([part.neutral.min(0), part.neutral.max(0)])))
    color = mesh.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex)
    color.Set(Vt.Vec3fArray.FromNumpy(part.color))
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(_material(stage, part))
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    joints = np.tile(np.array([1, 0], np.int32), (len(part.vertices), 1))
    shares = np.stack([part.head_weight, 1 - part.head_weight], 1).astype(np.float32)
    binding.CreateJointIndicesPrimvar(False, 2).Set(Vt.IntArray.FromNumpy(joints.ravel()))
    binding.CreateJointWeightsPrimvar(False, 2).Set(Vt.FloatArray.FromNumpy(shares.ravel()))
    names, targets = [], []
    for name, offset in zip(channels, part.offsets):
        moved = np.nonzero(offset.any(1))[0]
        if not len(moved):
            continue
        token = re.sub(r"\W", "_", name)
        shape = UsdSkel.BlendShape.Define(stage, mesh.GetPath().AppendChild(token))
        shape.CreateOffsetsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(offset[moved], np.float32)))
        shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(moved.astype(np.int32)))
        names.append(name)
        targets.append(Sdf.Path(shape.GetPath()))
    if names:
        binding.CreateBlendShapesAttr(names)
        binding.CreateBlendShapeTargetsRel().SetTargets(targets)


def _material(stage: Any, part: Part) -> Any:
    """A surface of the part's gloss that shows the colours of the vertices."""
    from pxr import Sdf, UsdShade

    material = UsdShade.Material.Define(stage, f"/Face/Materials/{part.name}")
    path = material.GetPath()
    surface = UsdShade.Shader.Define(stage, path.AppendChild("Surface"))
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(round(0.75 - 0.6 * part.gloss, 3))
    reader = UsdShade.Shader.Define(stage, path.AppendChild("Colour"))
    reader.CreateIdAttr("UsdPrimvarReader_float3")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("displayColor")
    result = reader.CreateOutput("result", Sdf.ValueTypeNames.Float3)
    surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).ConnectToSource(result)
    shown = surface.CreateOutput("surface", Sdf.ValueTypeNames.Token)
    material.CreateSurfaceOutput().ConnectToSource(shown)
    return material

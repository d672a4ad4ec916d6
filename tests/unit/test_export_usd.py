"""The head as USD, skinned by USD itself."""

import sys

import numpy as np
import pytest
from test_export_glb import parts_of

from speechface.errors import ConfigError
from speechface.export.head_mesh import cut
from speechface.export.registry import FORMATS
from speechface.geometry.rotation import matrix_from_euler


def test_usd_skins_the_rig_s_own_vertices(tmp_path):
    """UsdSkel bakes blend shapes and joints; the points are the rig's (atol: offsets below 0.03 mm are left out)."""
    pytest.importorskip("pxr", reason="needs usd-core")
    from pxr import Usd, UsdGeom, UsdSkel

    animation = parts_of(tmp_path)
    path = FORMATS["usd"].write(animation, tmp_path / "out")
    stage = Usd.Stage.Open(str(path))
    assert stage.GetTimeCodesPerSecond() == pytest.approx(float(animation.fps))
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert UsdSkel.BakeSkinning(UsdSkel.Root(stage.GetPrimAtPath("/Face")))
    rig, frame = animation.rig, 3
    posed = rig.rotate_head(rig.mesh(animation.weights[frame]), matrix_from_euler(animation.rotations[frame])) / 1000
    for part in cut(rig, ordered=False, still_mm=0.03):
        points = UsdGeom.Mesh(stage.GetPrimAtPath(f"/Face/{part.name}")).GetPointsAttr().Get(frame)
        np.testing.assert_allclose(np.array(points), posed[part.vertices], atol=2e-4)


def test_without_usd_core_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(ConfigError, match="pip install usd-core"):
        FORMATS["usd"].write(parts_of(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()

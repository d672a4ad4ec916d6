"""A rig from outside the package: build-rig builds it, and a config may name it."""

import subprocess
import sys

from toys import toy_package

from speechface.rig.rig import Rig

TOY = """
import dataclasses

from speechface.errors import RigError
from speechface.rig.builtin import build


def read(source, *, identity_modes):
    if source != "wide":
        raise RigError(f"rig.source is '{source}', expected 'wide'")
    rig = build(identity_modes=identity_modes)
    return dataclasses.replace(rig, name="toy", neutral=rig.neutral * [2, 1, 1])
"""


def speechface(environment, *arguments):
    command = [sys.executable, "-m", "speechface", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_a_rig_of_another_package_is_built_and_named_in_a_config(tmp_path):
    environment = toy_package(tmp_path / "site", "rig", "wide", TOY, "read")
    out = tmp_path / "rig.npz"
    run = speechface(environment, "build-rig", "--out", str(out), "--settings",
                     '{"kind": "wide", "source": "wide", "identity_modes": 2}')  # fmt: skip
    assert run.returncode == 0, run.stderr
    rig = Rig.load(out)
    assert (rig.name, len(rig.identity)) == ("toy", 2)
    run = speechface(environment, "build-rig", "--out", str(out), "--settings", '{"kind": "wide"}')
    assert (run.returncode, run.stderr) == (1, "speechface build-rig: rig.source is '', expected 'wide'\n")
    config = tmp_path / "config.yaml"
    config.write_text("{datasets: {demo: {adapter: demo, role: predict}}, rig: {kind: wide}}")
    assert "kind: wide" in speechface(environment, "check-config", str(config)).stdout
    assert "`wide`" in speechface(environment, "reference", "config").stdout
    assert "unknown rig 'wide'" in speechface(None, "check-config", str(config)).stderr

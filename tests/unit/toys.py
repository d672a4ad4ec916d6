"""Toy components from outside the package: a module and the entry point that makes it known, as if installed."""

import os
import textwrap
from pathlib import Path

__all__ = ["toy_package"]


def toy_package(folder: Path, kind: str, name: str, code: str, attribute: str = "") -> dict[str, str]:
    """Write a package with one component into `folder` and return an environment in which Python finds it.

    Parameters
    ----------
    folder : Path
    kind : str
        Kind of the component: its entry point stands in the group ``speechface.<kind>``.
    name : str
        Under which the component is known; its module is ``toy_<name>``.
    code : str
        Source of the module.
    attribute : str
        What of the module is the component; "": the module itself.
    """
    module = f"toy_{name}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(textwrap.dedent(code))
    info = folder / f"{module}-0.1.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 0.1\n")
    place = f"{module}:{attribute}" if attribute else module
    (info / "entry_points.txt").write_text(f"[speechface.{kind}]\n{name} = {place}\n")
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path}

"""Where a file came from: version, commit, settings and seed."""

import functools
import subprocess
from pathlib import Path
from typing import Any

from speechface import __version__

__all__ = ["provenance", "commit"]


@functools.cache
def commit() -> tuple[str | None, bool]:
    """Return (commit hash or None, True if the source tree has uncommitted changes, else False)."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None, False
    try:
        run = functools.partial(subprocess.run, cwd=root, capture_output=True, text=True, timeout=10, check=True)
        head = run(["git", "rev-parse", "HEAD"]).stdout.strip()
        dirty = run(["git", "status", "--porcelain", "--untracked-files=no"]).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None, False
    return head, bool(dirty)


def provenance(**facts: Any) -> dict[str, Any]:
    """Return a JSON-able dict: version, commit, dirty, and the `facts` given (settings, seed, inputs)."""
    head, dirty = commit()
    return {"speechface": __version__, "commit": head, "dirty": dirty, **facts}

"""Readers of the web that exported files are held against: Khronos's validator, three.js and three-vrm in Chromium.

`make test-web` installs them; a test that needs one is skipped where it is absent.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["browser", "node", "played", "validated"]

_FOLDER = Path(__file__).resolve().parents[1] / "web"


def node(*command, timeout=120):
    """The JSON that a script of tests/web prints."""
    if not shutil.which("node") or not (_FOLDER / "node_modules").is_dir():
        pytest.skip("needs node and tests/web/node_modules: make test-web")
    done = subprocess.run(["node", *map(str, command)], cwd=_FOLDER, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def validated(*paths):
    """Khronos's report of each file: ``errors``, ``warnings``, ``codes``."""
    found = node("validate.mjs", *paths)
    return [found[str(path)] for path in paths]


def browser(script, **arguments):
    """What a script of tests/web returns of its page in headless Chromium; nothing may be wrong on the page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("needs Chromium: apt-get install chromium")
    result = node("browser.mjs", chromium, script, json.dumps(arguments))
    assert result["complaints"] == [], result["complaints"]
    return result


def played(path, times, *, motion=None, pictures=None, **options):
    """Load a .glb or .vrm, with `motion` (.vrma), in three.js; what stands there at `times`, s."""
    motion = None if motion is None else str(motion)
    return browser("play.mjs", file=str(path), motion=motion, times=times, options=options, pictures=pictures)

"""Fixtures that all tests share."""

import ctypes
import functools
import http.server
import threading
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def rng():
    """A seeded generator; the same numbers in every run."""
    return np.random.default_rng(0)


def _shared(name):
    """A folder of the development data, which may not be handed on; the test is skipped where it is absent."""
    folder = Path(__file__).resolve().parents[1] / ".." / "shared" / name
    if not folder.is_dir():
        pytest.skip(f"needs the development data in ../shared/{name} (mark: clips)")
    return folder.resolve()


@pytest.fixture(scope="session")
def shared_clips():
    """Folder of the real development clips."""
    return _shared("clips")


@pytest.fixture(scope="session")
def shared_rigs():
    """Folder of the files of foreign rigs."""
    return _shared("rigs")


@pytest.fixture(scope="session")
def shared_motion():
    """Folder of captured motion."""
    return _shared("motion")


@pytest.fixture(scope="session")
def shared_avatars():
    """Folder of other people's avatars."""
    return _shared("avatars")


@pytest.fixture(scope="session")
def shared_models():
    """Folder of model files that users fetch."""
    return _shared("models")


@pytest.fixture
def serve(tmp_path):
    """Serve a folder over HTTP on this machine; yields its address."""
    (tmp_path / "www").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "www")
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield tmp_path / "www", f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def graphics():
    """Drawing off screen. Skipped only where there is no EGL at all; where there is, it must work."""
    try:
        ctypes.CDLL("libEGL.so.1")
    except OSError:
        pytest.skip("no EGL on this machine; the README names its packages")

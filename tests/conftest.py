"""Fixtures that all tests share."""

import ctypes
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
def graphics():
    """Drawing off screen. Skipped only where there is no EGL at all; where there is, it must work."""
    try:
        ctypes.CDLL("libEGL.so.1")
    except OSError:
        pytest.skip("no EGL on this machine; the README names its packages")

"""Fixtures that all tests share."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def rng():
    """A seeded generator; the same numbers in every run."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def shared_clips():
    """Folder of the real development clips; the test is skipped where it is absent."""
    folder = Path(__file__).resolve().parents[1] / ".." / "shared" / "clips"
    if not folder.is_dir():
        pytest.skip("needs the development clips in ../shared/clips (mark: clips)")
    return folder.resolve()

"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def test_photos() -> Path:
    """The folder of shared photos, which are not part of the repository."""
    folder = os.environ.get("SKINSCAN_TEST_PHOTOS")
    if not folder:
        pytest.skip("SKINSCAN_TEST_PHOTOS is not set: the shared photos are not here")
    return Path(folder)

"""What all tests share: how hypothesis draws, and the reference data where they exist."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine must not fail a law: what may take how long is asked by the tests that measure time.
# On the check machine the same examples are drawn each time, so that a change fails by what it changed.
settings.register_profile("coexplore", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("coexplore")

# What a test prices, it prices itself; those of the cache bring a folder.
os.environ["COEXPLORE_CACHE"] = "off"

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of measured data: COEXPLORE_DATA, else shared/data beside the repository."""
    folder = Path(os.environ.get("COEXPLORE_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the reference data are not at {folder}; set COEXPLORE_DATA")
    return folder


@pytest.fixture(scope="session")
def reference(data_folder: Path) -> Path:
    """The folder of peer-tool results beside the data."""
    folder = data_folder.parent / "reference"
    if not folder.is_dir():
        pytest.skip(f"the reference results are not at {folder}")
    return folder

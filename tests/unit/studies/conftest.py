"""Studies of toys flush more than they compute."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_disk_flush() -> Iterator[None]:
    """The end of a process loses nothing that was written; only the end of the machine would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield

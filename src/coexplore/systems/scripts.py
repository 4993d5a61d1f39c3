"""Where are the scripts that try claims? In `benchmarks/papers` of a checkout; a wheel brings a copy."""

from __future__ import annotations

from pathlib import Path

import coexplore
from coexplore.core.errors import StudyError

PACKAGED = Path(__file__).parent / "benchmarks"
"""Where pyproject.toml puts the folder in a wheel."""
CHECKOUT = Path(coexplore.__file__).parents[2] / "benchmarks" / "papers"


def script_path(system: str, script: str) -> Path:
    """The script of a claim.

    Raises:
        StudyError: this installation has none.
    """
    for folder in (PACKAGED, CHECKOUT):
        path = folder / system / script
        if path.is_file():
            return path
    raise StudyError(f"{system}/{script}: this installation has no such script; install coexplore anew")

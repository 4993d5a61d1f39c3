"""Compile kernels, and keep what was compiled only as long as every kernel source is unchanged.

Numba notices changes in the file of a function but not in the files it calls into. The cache folder is therefore named
after the content of all kernel modules; it lies under `NUMBA_CACHE_DIR`, else in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import numba
import numba.core.config

Function = TypeVar("Function", bound=Callable[..., object])


@cache
def _folder() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    here = Path(__file__).parent
    for source in [*sorted(here.glob("_*.py")), here / "nest.py"]:
        digest.update(source.read_bytes())
    base = numba.core.config.CACHE_DIR or os.path.join(
        os.environ.get("XDG_CACHE_HOME", os.path.join(os.path.expanduser("~"), ".cache")), "coexplore"
    )
    return os.path.join(base, f"kernels-{digest.hexdigest()[:16]}")


def is_compiled() -> bool:
    """Whether machine code of these kernel sources is at hand, as after any earlier search for a mapping."""
    folder = Path(_folder())
    return folder.is_dir() and any(folder.rglob("*.nbc"))


def kernel(function: Function) -> Function:
    """Compile a function on first use, without the interpreter lock, and remember the machine code on disk."""
    before = numba.core.config.CACHE_DIR
    numba.core.config.CACHE_DIR = _folder()
    try:
        compiled: Function = numba.njit(cache=True, nogil=True)(function)
    finally:
        numba.core.config.CACHE_DIR = before
    return compiled

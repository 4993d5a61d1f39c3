"""Compile kernels, and keep what was compiled only as long as every kernel source is unchanged.

Numba notices changes in the file of a function but not in the files it calls into. The cache folder of a module is
therefore named after its content and that of all modules of this package that it imports; it lies under
`NUMBA_CACHE_DIR`, else in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import numba
import numba.core.config

Function = TypeVar("Function", bound=Callable[..., object])


HERE = Path(__file__).parent
COUNTED: dict[str, object] = {"_nrt": True}
"""References to arrays are counted. Said always, else a function does as the one that is compiled before it."""
ONLY_FROM_KERNELS: dict[str, object] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
_IMPORT = re.compile(r"^from coexplore\.cost\.(\w+) import", re.MULTILINE)


def _sources(module: str) -> set[str]:
    """A module of this package and all that it imports from it, directly or not."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _IMPORT.findall((HERE / f"{name}.py").read_text())
    return found


@cache
def _folder(module: str) -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(_sources(module)):
        digest.update((HERE / f"{source}.py").read_bytes())
    base = numba.core.config.CACHE_DIR or os.path.join(
        os.environ.get("XDG_CACHE_HOME", os.path.join(os.path.expanduser("~"), ".cache")), "coexplore"
    )
    return os.path.join(base, f"kernels-{module.strip('_')}-{digest.hexdigest()[:16]}")


def is_compiled() -> bool:
    """Whether machine code of the mapper's kernels is at hand, as after any earlier search for a mapping."""
    folder = Path(_folder("_price"))
    return folder.is_dir() and any(folder.rglob("*.nbc"))


def kernel(function: Function) -> Function:
    """Compile a function on first use, without the interpreter lock, and remember the machine code on disk."""
    return _compile(function, COUNTED)


def maker(function: Function) -> Function:
    """The same for a function that only kernels call: without a way in from Python it compiles in a third of the time.

    Divisors must not be zero.
    """
    return _compile(function, ONLY_FROM_KERNELS | COUNTED)


def inner(function: Function) -> Function:
    """The same for a function that makes no arrays: the references to those it was given are not counted.

    Counting them took half of the time of a search. It must not return an array, nor call a `maker` that does.
    """
    return _compile(function, ONLY_FROM_KERNELS | {"_nrt": False})


def inlined(function: Function) -> Function:
    """The same, copied into its callers: handing over many arrays would cost more than the work."""
    return _compile(function, ONLY_FROM_KERNELS | {"_nrt": False, "forceinline": True})


def _compile(function: Function, options: dict[str, object]) -> Function:
    before = numba.core.config.CACHE_DIR
    numba.core.config.CACHE_DIR = _folder(function.__module__.rpartition(".")[2])
    try:
        compiled: Function = numba.njit(cache=True, nogil=True, **options)(function)
    finally:
        numba.core.config.CACHE_DIR = before
    return compiled

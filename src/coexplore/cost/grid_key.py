"""Under which name is a price kept? Hashes of all that a price depends on, and of nothing else.

A file of prices is named after what its prices have in common: the sources of the engine, the versions of what runs
them, the op, the goal and the size of the mapspace. Within it an accelerator goes by the hash of its description
without its name. Whatever changes, changes a hash: a stale price is not found rather than found to be stale.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import marshal
import platform
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core import IMPORTED_S
from coexplore.core.hashing import content_hash
from coexplore.cost.mapper import UNROLLINGS, Goal
from coexplore.cost.shared_levels import per_object
from coexplore.workloads.loops import Loops

ROOT = Path(__file__).parents[1]
ENGINE = "coexplore.cost.grid_chunk"
"""The module that prices; what it imports of this package, directly or not, is the engine."""
_IMPORT = re.compile(r"^[ \t]*from (coexplore[\w.]*) import (?:\(([^)]*)\)|(.*))$", re.MULTILINE)
_NAME = re.compile(r"\w+")

Keys = NDArray[np.uint64]
"""(a, 2) 128 bits per accelerator."""
KEY_BYTES = 16
_SCALARS = {int, float, str, bool}
_Plain: TypeAlias = "int | float | str | tuple[_Plain, ...] | None"


def engine_sources(module: str = ENGINE, root: Path = ROOT) -> tuple[Path, ...]:
    """The files of a module and of all that it imports from the package at `root`, in one order."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        path = _file(waiting.pop(), root)
        if path is not None and path not in found:
            found.add(path)
            for package, several, one in _IMPORT.findall(path.read_text()):
                waiting += [package, *(f"{package}.{name}" for name in _NAME.findall(several or one))]
    return tuple(sorted(found))


def _file(module: str, root: Path) -> Path | None:
    """The file of a module; None if the name is none, but that of something within a module."""
    place = root.joinpath(*module.split(".")[1:])
    for path in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
        if path != root.with_name(f"{root.name}.py") and path.is_file():
            return path
    return None


@cache
def engine_version() -> str | None:
    """Hash of the sources that price and of what executes them.

    None: a source changed after this process began to import them, or there are none, so that nobody can say which
    version is running.
    """
    return _version(engine_sources())


@cache
def version_of(modules: tuple[str, ...]) -> str | None:
    """As `engine_version`, of some modules and all that they import from this package; all of them must be of it."""
    own = [engine_sources(module) for module in modules]
    return _version(tuple(sorted({path for sources in own for path in sources}))) if all(own) else None


def _version(sources: Sequence[Path]) -> str | None:
    if not sources:
        return None
    digest = hashlib.sha256(repr((numba.__version__, np.__version__, platform.machine())).encode())
    for path in sources:
        content, status = path.read_bytes(), path.stat()
        if max(status.st_mtime, status.st_ctime) > IMPORTED_S:
            return None
        digest.update(f"{path.relative_to(ROOT).as_posix()} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()


def op_key(loops: Loops, goal: Goal) -> str | None:
    """Hash of all that a price depends on beside the accelerator: 64 hex digits; None as in `engine_version`."""
    version = engine_version()
    return None if version is None else content_hash((version, UNROLLINGS, goal, loops))


def accelerator_keys(accelerators: Sequence[Accelerator]) -> Keys:
    """(a, 2) Hashes of descriptions; accelerators that differ in their names alone share one."""
    bytes_of = per_object(_part_bytes)
    digests = b"".join(_accelerator_digest(accelerator, bytes_of) for accelerator in accelerators)
    return np.frombuffer(digests, "<u8").reshape(-1, 2)


def _accelerator_digest(accelerator: Accelerator, bytes_of: Callable[[object], bytes]) -> bytes:
    parts = [
        tuple(map(bytes_of, part)) if isinstance(part, tuple) else bytes_of(part) for part in _CONTENT(accelerator)
    ]
    return hashlib.blake2b(marshal.dumps(tuple(parts), 2), digest_size=KEY_BYTES).digest()


_CONTENT: Callable[[Accelerator], tuple[object, ...]] = attrgetter(
    *(field.name for field in dataclasses.fields(Accelerator) if field.name != "name")
)


@lru_cache(maxsize=65536)
def _part_bytes(part: object) -> bytes:
    """A part of a description as bytes that say its type and all its values; parts recur in a space."""
    return marshal.dumps(_plain(part), 2)


def _plain(value: object) -> _Plain:
    """A value as nested tuples of scalars."""
    if value is None or (isinstance(value, int | float | str) and type(value) in _SCALARS):
        return value
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, enum.Enum):
        return type(value).__name__, value.name
    if dataclasses.is_dataclass(value):
        fields = (getattr(value, field.name) for field in dataclasses.fields(value))
        return (type(value).__name__, *map(_plain, fields))
    return type(value).__name__, content_hash(value)

"""Which accelerators were priced already? Files of arrays in the study directory, each whole or absent.

One file holds the totals of a run of accelerators in the order of the space. It carries the hash of all that decides
them; a file of another study, of another version of the engine, or a damaged one counts as absent and is made again.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import StoreError
from coexplore.core.files import read_limited, write_atomic
from coexplore.core.hashing import content_hash
from coexplore.cost.grid_key import engine_version

CHUNK = 8192
"""Accelerators of one file."""
LIMIT_BYTES = 1 << 28

Floats = NDArray[np.float64]


class Arrays(Protocol):
    """A dataclass of arrays over a run of accelerators."""

    def fits(self, accelerators: int) -> bool:
        """Whether the arrays are of so many accelerators, and of their types."""
        ...


A = TypeVar("A", bound=Arrays)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """What a fixed network costs on a run of accelerators, `a` of them."""

    latency_s: Floats
    """(a,) +inf where it cannot run, or there is no such accelerator."""
    energy_j: Floats
    """(a,) as `latency_s`."""
    area_mm2: Floats
    """(a,) +inf where there is no such accelerator."""
    peak_macs_per_s: Floats
    """(a,) 0 where there is no such accelerator."""
    blocked: NDArray[np.bool_]
    """(o, a) Where each distinct op with loops cannot run."""

    def fits(self, accelerators: int) -> bool:
        """See `Arrays`."""
        rows = (self.latency_s, self.energy_j, self.area_mm2, self.peak_macs_per_s)
        return all(row.shape == (accelerators,) and row.dtype == np.float64 for row in rows) and (
            self.blocked.ndim == 2 and self.blocked.shape[1] == accelerators and self.blocked.dtype == np.bool_
        )


@dataclass(frozen=True, slots=True)
class ChunkFiles(Generic[A]):
    """The files of one study.

    Args:
        folder: made with the first file.
        fingerprint: content hash of the study.
        kind: what a file holds.
    """

    folder: Path
    fingerprint: str
    kind: type[A]

    def read(self, begin: int, end: int) -> A | None:
        """The chunk of accelerators `begin` to `end`; None where there is no such file that holds."""
        key = self._key(begin, end)
        path = self._path(begin, end)
        if key is None or not path.exists():
            return None
        try:
            with np.load(
                io.BytesIO(read_limited(path, LIMIT_BYTES, "priced accelerators")), allow_pickle=False
            ) as held:
                chunk = self.kind(**{name: held[name] for name in self._names()})
                good = str(held["key"]) == key and chunk.fits(end - begin)
        except (StoreError, zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError):
            return None
        return chunk if good else None

    def write(self, begin: int, end: int, chunk: A) -> None:
        """Keep a chunk.

        Raises:
            StoreError: not writable, or the disk is full.
        """
        arrays = {name: getattr(chunk, name) for name in self._names()}
        file = io.BytesIO()
        np.savez_compressed(file, key=np.array(self._key(begin, end) or ""), **arrays)
        write_atomic(self._path(begin, end), file.getvalue())

    def _names(self) -> list[str]:
        return [field.name for field in fields(cast("Any", self.kind))]  # any dataclass

    def _path(self, begin: int, end: int) -> Path:
        return self.folder / f"{begin:09}-{end:09}.npz"

    def _key(self, begin: int, end: int) -> str | None:
        """None: nobody can say which version of the engine is running."""
        version = engine_version()
        return None if version is None else content_hash((version, self.fingerprint, begin, end))


def priced_so_far(folder: Path) -> int:
    """Accelerators in the files of a folder, by their names."""
    found = 0
    for path in folder.glob("*-*.npz"):
        begin, _, end = path.stem.partition("-")
        if begin.isdecimal() and end.isdecimal():
            found += int(end) - int(begin)
    return found

"""Has this op been priced on these accelerators before? Files of prices that outlive a process.

One file per engine, goal and op (`coexplore.cost.grid_key`) holds the accelerators priced so far, by hash, with seconds
and joules to the last bit. A file is replaced as a whole or not at all. It says which file it is and carries a hash of
its content, so that what is half-written, damaged or moved is none: its pairs are priced again. Any number of processes
may share a folder; of two that write one file at once, the later one wins and the other's pairs are priced again.

The hash tells accidents, not malice: who may write to the folder may put any price there, as they may change the
program. Reading never executes anything, whatever a file holds, and never takes more memory than the largest file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import StoreError
from coexplore.core.files import read_limited, write_atomic
from coexplore.core.folders import cache_folder
from coexplore.cost.grid_key import Keys

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RECORD = np.dtype([("key", "<u8", (2,)), ("latency_s", "<f8"), ("energy_j", "<f8")])
MAGIC = b"coexplore prices"
HASH_BYTES = 32
HEADER_BYTES = len(MAGIC) + 2 * HASH_BYTES
MOST_RECORDS = 2**19
"""Accelerators in one file; it then holds 16 MiB."""
FILE_BYTES = HEADER_BYTES + MOST_RECORDS * RECORD.itemsize
SUFFIX = ".prices"
ABANDONED_S = 3600.0
"""Age at which an unfinished file has lost its writer."""


@dataclass(frozen=True, slots=True)
class GridCache:
    """Prices on disk."""

    folder: Path | None
    """None keeps nothing and finds nothing."""
    limit_mb: float = 1024.0
    """Above it `trim` removes the files that were not used for longest."""
    least_s: float = 0.02
    """What an op took to price at least, to be worth a file; writing one takes about half of it."""

    @property
    def memory_bytes(self) -> int:
        """What a file of prices takes while it is read, extended and written."""
        return 0 if self.folder is None else 4 * FILE_BYTES

    @classmethod
    def standard(cls) -> GridCache:
        """That of the user: moved or switched off by COEXPLORE_CACHE."""
        folder = cache_folder()
        return cls(None if folder is None else folder / "prices")

    def find(self, op_key: str | None, accelerators: Keys) -> tuple[Floats, Floats, Flags]:
        """What is known of an op on accelerators, each (a,): seconds, joules, and where both are known."""
        latency, energy = (np.full(len(accelerators), np.inf) for _ in range(2))
        known = np.zeros(len(accelerators), np.bool_)
        records = self._read(op_key)
        if op_key is None or not len(records):
            return latency, energy, known
        # A file that is not sorted, or has two accelerators of one half of a hash, hides some of them: no harm done.
        place = np.minimum(np.searchsorted(records["key"][:, 0], accelerators[:, 0]), len(records) - 1)
        known = (records["key"][place] == accelerators).all(axis=1)
        latency[known], energy[known] = records["latency_s"][place[known]], records["energy_j"][place[known]]
        with contextlib.suppress(OSError):
            os.utime(self._path(op_key))
        return latency, energy, known

    def keep(self, op_key: str | None, accelerators: Keys, latency_s: Floats, energy_j: Floats) -> None:
        """Add prices of an op, each (a,), to what is known; `trim` after the last.

        Raises:
            StoreError: the folder cannot be written.
        """
        if self.folder is None or op_key is None or not len(accelerators):
            return
        fresh = np.empty(len(accelerators), RECORD)
        fresh["key"], fresh["latency_s"], fresh["energy_j"] = accelerators, latency_s, energy_j
        records = np.concatenate([fresh, self._read(op_key)])[:MOST_RECORDS]
        _, first = np.unique(records["key"][:, 0], return_index=True)
        content = records[first].tobytes()
        write_atomic(self._path(op_key), _header(op_key, content) + content)

    def trim(self) -> None:
        """Remove what its writer abandoned, and what was not used for longest, until the rest is within the limit."""
        if self.folder is None:
            return
        files = []
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if entry.name.endswith(SUFFIX):
                        files.append((status.st_mtime, status.st_size, entry.path))
                    elif SUFFIX in entry.name and time.time() - status.st_mtime > ABANDONED_S:
                        os.unlink(entry.path)
        held = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if held <= self.limit_mb * 2**20:
                return
            with contextlib.suppress(OSError):
                os.unlink(path)
                held -= size

    def _path(self, op_key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{op_key}{SUFFIX}"

    def _read(self, op_key: str | None) -> NDArray[np.void]:
        """The records of a file; none if there is no such file, or if it is not what it should be."""
        nothing = np.empty(0, RECORD)
        if self.folder is None or op_key is None:
            return nothing
        try:
            file = read_limited(self._path(op_key), FILE_BYTES, "price cache")
        except StoreError:
            return nothing
        content = memoryview(file)[HEADER_BYTES:]
        if len(content) % RECORD.itemsize or file[:HEADER_BYTES] != _header(op_key, content):
            return nothing
        return np.frombuffer(content, RECORD)


def _header(op_key: str, content: bytes | memoryview) -> bytes:
    """Which file this is, and the hash of its content."""
    own = bytes.fromhex(op_key)
    return MAGIC + own + hashlib.sha256(own + content).digest()

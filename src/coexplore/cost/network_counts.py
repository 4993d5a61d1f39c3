"""How often does each network of a family run each distinct op? Counted one by one, and kept on disk.

Building thousands of networks to count their ops takes a minute, and the counts depend on the sources and the points
alone. So a file named after the hash of these holds the counts, and which networks are the first to run some op. Those
are built again when it is read: they give the ops themselves, and what they run is compared with the file.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coexplore.core.array_file import ArrayFormat
from coexplore.core.errors import DataError, StoreError
from coexplore.core.folders import cache_folder
from coexplore.core.hashing import content_hash
from coexplore.cost.grid_key import version_of
from coexplore.cost.network_table import CountedOps, count_ops
from coexplore.networks.network import NetworkFamily
from coexplore.spaces.space import Point

FILE = ArrayFormat("table of op counts", 1, ("counts", "firsts"))
WORTH_KEEPING = 256
"""Networks; fewer are counted as soon as a file is read."""


def count_networks(family: NetworkFamily, points: Sequence[Point]) -> CountedOps:
    """As `count_ops` of the networks that points of a family stand for, in their order."""
    path = _path(family, points) if len(points) >= WORTH_KEEPING else None
    if path is None:
        return count_ops(family.lower(point) for point in points)
    known = _read(path, family, points)
    if known is None:
        known = count_ops(family.lower(point) for point in points)
        with contextlib.suppress(StoreError):  # counting again is slower, that is all
            FILE.write(path, {}, {"counts": known.counts, "firsts": _firsts(known)})
    return known


def _path(family: NetworkFamily, points: Sequence[Point]) -> Path | None:
    """Where the counts are kept; None where nothing is, or where nobody can say which sources are running."""
    folder, version = cache_folder(), version_of((__name__, type(family).__module__))
    if folder is None or version is None:
        return None
    digest = hashlib.sha256(content_hash((version, type(family).__qualname__, family)).encode())
    for point in points:
        digest.update(repr(tuple(point.items())).encode())
    return folder / "counts" / f"{digest.hexdigest()}.npz"


def _read(path: Path, family: NetworkFamily, points: Sequence[Point]) -> CountedOps | None:
    """What a file holds; None where there is none, or where it disagrees with the networks that are built again."""
    if not path.exists():
        return None
    try:
        _, arrays = FILE.read(path)
    except DataError:
        return None
    counts, firsts = arrays["counts"].astype(np.int64), arrays["firsts"].astype(np.int64)
    if counts.ndim != 2 or len(counts) != len(points) or not _are_rows(firsts, len(points)):
        return None
    some = count_ops(family.lower(points[place]) for place in firsts)
    if some.counts.shape[1] != counts.shape[1] or not np.array_equal(some.counts, counts[firsts]):
        return None
    return CountedOps(some.loops, some.vector, counts)


def _firsts(known: CountedOps) -> NDArray[np.int64]:
    """Rising places of the networks that are the first to run some op."""
    return np.unique((known.counts > 0).argmax(axis=0)).astype(np.int64)


def _are_rows(firsts: NDArray[np.int64], count: int) -> bool:
    return firsts.ndim == 1 and bool(((firsts >= 0) & (firsts < count)).all()) and bool((np.diff(firsts) > 0).all())

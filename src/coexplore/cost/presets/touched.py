"""What moves if an input tile is only the elements that a filter touches, and not the box around them?

A stride wider than the filter tile skips rows and columns. Clean physics fetches the bounding box, as a memory that is
read in rows does; these counts are for hardware that gathers. Tiles still occupy their box.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from coexplore.cost._counts import ALL, ONE, ONE_PARENT, SHARED, pin
from coexplore.cost._kernels import (
    INPUT,
    MAX_GROUPS,
    RELEVANT,
    P,
    R,
    advances,
    plain_overlap,
    sum_extents,
    tile_extent,
    transition_groups,
)
from coexplore.cost.accounting import Accounting, Counts
from coexplore.cost.nest import SPATIAL, Flags, Ints, Machine, Problem

WAYS = ((ALL, False, 0), (SHARED, False, 1), (ONE_PARENT, True, 1), (ONE, True, 2))
"""(column of `moves`, whether outer fan-outs are pinned, which loops of the boundary are)"""


def _touched_counts(problem: Problem, machine: Machine, counts: Counts) -> Counts:
    moves, reads, writes = counts.moves.copy(), counts.reads.copy(), counts.writes.copy()
    reads_one, writes_one = counts.reads_one.copy(), counts.writes_one.copy()
    pinned = np.zeros(counts.nest.table.shape[0], np.bool_)
    parent = 0
    for inner in range(1, machine.keeps.shape[0]):
        if not machine.keeps[inner, INPUT]:
            continue
        for column, outer, share in WAYS:
            pin(pinned, INPUT, parent, inner, outer, share, counts.nest.table)
            moves[inner, INPUT, column] = fetched_elements(problem, counts.nest.table, counts.nest.start[inner], pinned)
        fewer = moves[inner, INPUT] - counts.moves[inner, INPUT]
        reads[parent, INPUT] += fewer[SHARED]
        writes[inner, INPUT] += fewer[ALL]
        reads_one[parent, INPUT] += fewer[ONE_PARENT]
        writes_one[inner, INPUT] += fewer[ONE]
        parent = inner
    return replace(counts, moves=moves, reads=reads, writes=writes, reads_one=reads_one, writes_one=writes_one)


TOUCHED = Accounting("touched", count_rule=_touched_counts)


def fetched_elements(problem: Problem, table: Ints, stop: int, pinned: Flags) -> int:
    """Input elements that enter below a boundary: those that each new tile touches and the previous one did not."""
    total = _visited(problem, table, stop, pinned)
    for j in range(stop):
        if not table[j, SPATIAL]:
            total -= _kept(problem, table, stop, pinned, j)
    return total


def _visited(problem: Problem, table: Ints, stop: int, pinned: Flags) -> int:
    total = 1
    for d in range(P):
        tiles, extents = sum_extents(d, stop, problem.sizes[d], table, pinned, stop)
        total *= int(extents if RELEVANT[INPUT, d] else tiles)
    for axis in range(2):
        total *= sum(
            rows * columns * len(_comb(problem, axis, p, r, 0, 0))
            for p, rows in _extents(problem, table, stop, pinned, P + axis)
            for r, columns in _extents(problem, table, stop, pinned, R + axis)
        )
    return total


def _extents(problem: Problem, table: Ints, stop: int, pinned: Flags, d: int) -> list[tuple[int, int]]:
    """(extent, how often): the full tiles of a dimension, and the last one where it is shorter."""
    size = int(problem.sizes[d])
    tiles, total = (int(value) for value in sum_extents(d, stop, size, table, pinned, stop))
    full = int(tile_extent(d, stop, size, table))
    last = size - (size - 1) // full * full
    short = (tiles * full - total) // (full - last) if last < full else 0
    return [(full, tiles - short), (last, short)]


def _kept(problem: Problem, table: Ints, stop: int, pinned: Flags, j: int) -> int:
    """Elements that stay when loop `j` advances, summed over its advances."""
    kept = 1
    left, right = np.empty((MAX_GROUPS, 4), np.int64), np.empty((MAX_GROUPS, 4), np.int64)
    for d in range(P):
        if RELEVANT[INPUT, d]:
            kept *= int(plain_overlap(d, j, stop, problem.sizes[d], table, pinned, left))
        else:
            kept *= int(advances(d, j, stop, problem.sizes[d], table, pinned))
    for axis in range(2):
        rows = transition_groups(P + axis, j, stop, problem.sizes[P + axis], table, pinned, left)
        columns = transition_groups(R + axis, j, stop, problem.sizes[R + axis], table, pinned, right)
        kept *= sum(
            int(a[3] * b[3])
            * len(_comb(problem, axis, a[1], b[1], a[0], b[0]) & _comb(problem, axis, a[2], b[2], 0, 0))
            for a in left[:rows]
            for b in right[:columns]
        )
    return kept


def _comb(problem: Problem, axis: int, p: int, r: int, first_p: int, first_r: int) -> set[int]:
    """Positions along one axis that `p` window positions of an `r`-wide filter touch."""
    stride, dilation = int(problem.window[axis]), int(problem.window[2 + axis])
    start = int(first_p) * stride + int(first_r) * dilation
    return {start + stride * i + dilation * k for i in range(int(p)) for k in range(int(r))}

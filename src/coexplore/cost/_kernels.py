"""How much data moves? Closed-form counting over a flattened loop nest; scalar code that numba compiles.

A boundary is given by `stop`, the number of loops outside it. The tiles below it partition each dimension: all are full
but possibly the last one, which is what makes exact counting cheap with imperfect factors.

Physics: a memory instance holds one tile of an operand. When the tile changes, the part that the previous tile lacks is
fetched. An input tile is the bounding box of the window positions. Instances that need the same tile share one read of
their parent (multicast); overlapping but different tiles do not. Partial sums are reduced on the way up.

The names of the counting functions follow one picture: *pinned* spatial loops stay at instance 0, so pinning the loops
that an operand does not depend on counts distinct data, and pinning everything counts instance 0, the busiest one.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._compile import inner, kernel, maker
from coexplore.cost.nest import BELOW, DIM, FACTOR, SPATIAL, Flags, Ints, Problem

N, G, K, C, P, Q, R, S = range(8)
WEIGHT, INPUT, OUTPUT = range(3)

RELEVANT = np.array(
    [  # N      G     K      C      P      Q      R      S
        [False, True, True, True, False, False, True, True],
        [True, True, False, True, True, True, True, True],
        [True, True, True, False, True, True, False, False],
    ]
)
MAX_GROUPS = 64
"""Room for the ways in which one dimension can change; a nest of n loops needs at most 2n + 1."""


@inner
def _is_pinned(i: int, table: Ints, pinned: Flags, after: int, owner_pinned: bool) -> bool:
    if table[i, SPATIAL]:
        return pinned[i]
    return i > after or (owner_pinned and i == after)


@inner
def count_tiles(bound: int, d: int, stop: int, table: Ints, pinned: Flags, after: int, owner_pinned: bool) -> int:
    """Tiles of dimension `d` that begin before `bound`, over the loops [0, stop) that are free.

    Spatial loops are free unless pinned; temporal loops after position `after` stand at their first iteration, and so
    does the loop at `after` itself when `owner_pinned`.
    """
    if bound <= 0:
        return 0
    inner = 1
    for i in range(stop):
        if table[i, DIM] == d and not _is_pinned(i, table, pinned, after, owner_pinned):
            inner *= table[i, FACTOR]
    total = 0
    rest = bound
    for i in range(stop):
        if table[i, DIM] != d:
            continue
        if _is_pinned(i, table, pinned, after, owner_pinned):
            if rest >= table[i, BELOW]:
                return total + inner
            continue
        inner //= table[i, FACTOR]
        full = rest // table[i, BELOW]
        if full >= table[i, FACTOR]:
            return total + table[i, FACTOR] * inner
        total += full * inner
        rest -= full * table[i, BELOW]
        if rest == 0:
            return total
    return total + 1


@kernel
def tile_extent(d: int, stop: int, size: int, table: Ints) -> int:
    """Extent of the full tile of dimension `d` below the boundary."""
    extent = 1
    for i in range(stop, table.shape[0]):
        if table[i, DIM] == d:
            extent *= table[i, FACTOR]
    return min(extent, size)


@inner
def last_tile_counted(
    d: int, stop: int, size: int, extent: int, table: Ints, pinned: Flags, after: int, owner_free: bool
) -> bool:
    """Whether the last tile of dimension `d` stands at zero on all pinned loops and on temporal loops behind `after`.

    With `owner_free` the loop at `after`, if it is of this dimension, must have advanced.
    """
    start = (size - 1) // extent * extent
    for i in range(stop):
        if table[i, DIM] != d:
            continue
        digit = start // table[i, BELOW]
        start -= digit * table[i, BELOW]
        if table[i, SPATIAL]:
            if pinned[i] and digit > 0:
                return False
        elif i > after and digit > 0:
            return False
        elif owner_free and i == after and digit == 0:
            return False
    return True


@kernel
def sum_extents(d: int, stop: int, size: int, table: Ints, pinned: Flags, after: int) -> tuple[int, int]:
    """Number of tiles and the sum of their extents, for the free loops before the boundary."""
    extent = tile_extent(d, stop, size, table)
    tiles = count_tiles(size, d, stop, table, pinned, after, False)
    total = tiles * extent
    short = extent - (size - (size - 1) // extent * extent)
    if short > 0 and last_tile_counted(d, stop, size, extent, table, pinned, after, False):
        total -= short
    return tiles, total


@kernel
def transition_groups(d: int, j: int, stop: int, size: int, table: Ints, pinned: Flags, groups: Ints) -> int:
    """How tiles of dimension `d` change when the temporal loop at `j` advances and all loops inside it restart.

    Fills `groups` with rows (shift of the start, new extent, old extent, how often); returns the number of rows.
    """
    extent = tile_extent(d, stop, size, table)
    last = size - (size - 1) // extent * extent
    short = last < extent
    if table[j, DIM] == d:
        reach = 0
        for i in range(j + 1, stop):
            if table[i, DIM] == d and not table[i, SPATIAL]:
                reach += (table[i, FACTOR] - 1) * table[i, BELOW]
        times = count_tiles(size, d, stop, table, pinned, j, False)
        times -= count_tiles(size, d, stop, table, pinned, j, True)
        at_end = 0
        if short and last_tile_counted(d, stop, size, extent, table, pinned, j, True):
            at_end = 1
        groups[0, 0], groups[0, 1], groups[0, 2], groups[0, 3] = table[j, BELOW] - reach, extent, extent, times - at_end
        groups[1, 0], groups[1, 1], groups[1, 2], groups[1, 3] = table[j, BELOW] - reach, last, extent, at_end
        return 2
    return _restart_groups(d, j, stop, size, extent, last, table, pinned, groups)


@inner
def _restart_groups(
    d: int, j: int, stop: int, size: int, extent: int, last: int, table: Ints, pinned: Flags, groups: Ints
) -> int:
    """Rows for a dimension whose loops inside `j`, if any, run back from their last legal iteration to the first."""
    offset = 0
    for i in range(j + 1, stop):
        if table[i, DIM] == d and not table[i, SPATIAL]:
            offset += (table[i, FACTOR] - 1) * table[i, BELOW]
    # Where the last tile of the dimension stands: its offset along the restarting loops, and whether it is counted.
    start = (size - 1) // extent * extent
    last_offset = 0
    last_is_counted = last < extent
    for i in range(stop):
        if table[i, DIM] == d:
            digit = start // table[i, BELOW]
            start -= digit * table[i, BELOW]
            if table[i, SPATIAL]:
                if pinned[i] and digit > 0:
                    last_is_counted = False
            elif i > j:
                last_offset += digit * table[i, BELOW]
    remaining = count_tiles(size, d, stop, table, pinned, j, False)
    seen = 0
    rows = 0
    while remaining > 0:
        reached = count_tiles(size - offset, d, stop, table, pinned, j, False)
        times = reached - seen
        if times > 0:
            seen = reached
            remaining -= times
            if last_is_counted and offset == last_offset:
                new = last if offset == 0 else extent
                groups[rows, 0], groups[rows, 1], groups[rows, 2], groups[rows, 3] = -offset, new, last, 1
                rows += 1
                times -= 1
            if times > 0:
                groups[rows, 0], groups[rows, 1], groups[rows, 2], groups[rows, 3] = -offset, extent, extent, times
                rows += 1
        offset = _previous_offset(offset, d, j, stop, table)
    return rows


@inner
def _previous_offset(offset: int, d: int, j: int, stop: int, table: Ints) -> int:
    """The next smaller offset that the restarting loops can reach; 0 stays 0."""
    target = offset - 1
    found = 0
    for i in range(j + 1, stop):
        if table[i, DIM] == d and not table[i, SPATIAL]:
            digit = min(table[i, FACTOR] - 1, target // table[i, BELOW])
            found += digit * table[i, BELOW]
            target -= digit * table[i, BELOW]
    return max(found, 0)


@kernel
def plain_overlap(d: int, j: int, stop: int, size: int, table: Ints, pinned: Flags, groups: Ints) -> int:
    """Elements along a non-sliding dimension that stay when loop `j` advances, summed over all its advances."""
    if table[j, DIM] == d:
        return 0
    restarts = 1
    below = 1
    for i in range(stop):
        if table[i, DIM] == d:
            below *= table[i, FACTOR]
            if i > j and not table[i, SPATIAL]:
                restarts *= table[i, FACTOR]
    if restarts == 1:
        return sum_extents(d, stop, size, table, pinned, j)[1]
    if below * tile_extent(d, stop, size, table) == size:
        return 0
    rows = transition_groups(d, j, stop, size, table, pinned, groups)
    total = 0
    for row in range(rows):
        if groups[row, 0] == 0:
            total += groups[row, 3] * groups[row, 1]
    return total


@inner
def window_overlap(
    d: int, e: int, j: int, stop: int, problem: Problem, table: Ints, pinned: Flags, left: Ints, right: Ints
) -> int:
    """The same for an input axis, where output position `d` and filter position `e` move the window together."""
    rows = transition_groups(d, j, stop, problem.sizes[d], table, pinned, left)
    columns = transition_groups(e, j, stop, problem.sizes[e], table, pinned, right)
    step, dilation = problem.window[d - P], problem.window[2 + d - P]
    total = 0
    for a in range(rows):
        for b in range(columns):
            shift = step * left[a, 0] + dilation * right[b, 0]
            new = step * (left[a, 1] - 1) + dilation * (right[b, 1] - 1) + 1
            old = step * (left[a, 2] - 1) + dilation * (right[b, 2] - 1) + 1
            common = min(shift + new, old) - max(shift, 0)
            if common > 0:
                total += left[a, 3] * right[b, 3] * common
    return total


@kernel
def advances(d: int, j: int, stop: int, size: int, table: Ints, pinned: Flags) -> int:
    """How often dimension `d` takes part in an advance of loop `j`, its extents aside."""
    times = count_tiles(size, d, stop, table, pinned, j, False)
    if table[j, DIM] == d:
        times -= count_tiles(size, d, stop, table, pinned, j, True)
    return times


@maker
def visited(operand: int, stop: int, after: int, problem: Problem, table: Ints, pinned: Flags) -> int:
    """Elements of an operand over all tiles visited below the boundary, without any reuse between visits."""
    total = 1
    tiles = np.empty(8, np.int64)
    extents = np.empty(8, np.int64)
    for d in range(8):
        tiles[d], extents[d] = sum_extents(d, stop, problem.sizes[d], table, pinned, after)
        if not RELEVANT[operand, d]:
            total *= tiles[d]
        elif operand != INPUT or d < P:
            total *= extents[d]
    if operand == INPUT:
        for axis in range(2):
            p, r = P + axis, R + axis
            wide = (
                problem.window[axis] * (extents[p] - tiles[p]) * tiles[r]
                + problem.window[2 + axis] * (extents[r] - tiles[r]) * tiles[p]
            )
            total *= wide + tiles[p] * tiles[r]
    return total


@inner
def fetched(operand: int, stop: int, problem: Problem, table: Ints, pinned: Flags, left: Ints, right: Ints) -> int:
    """Elements of an operand that enter below the boundary: what each new tile has and the previous one lacked."""
    total = visited(operand, stop, stop, problem, table, pinned)
    for j in range(stop):
        if table[j, SPATIAL]:
            continue
        kept = 1
        for d in range(8):
            if kept == 0:
                break
            if not RELEVANT[operand, d]:
                continue
            if operand != INPUT or d < P:
                kept *= plain_overlap(d, j, stop, problem.sizes[d], table, pinned, left)
            elif d < R:
                kept *= window_overlap(d, d + 2, j, stop, problem, table, pinned, left, right)
        for d in range(8):
            if kept > 0 and not RELEVANT[operand, d]:
                kept *= advances(d, j, stop, problem.sizes[d], table, pinned)
        total -= kept
    return total


@inner
def distinct(operand: int, stop: int, problem: Problem, table: Ints, pinned: Flags) -> int:
    """Elements of an output that each counted instance ever holds: its tiles once, summed loops at their start."""
    total = 1
    for d in range(8):
        if RELEVANT[operand, d]:
            total *= sum_extents(d, stop, problem.sizes[d], table, pinned, stop)[1]
        else:
            total *= count_tiles(problem.sizes[d], d, stop, table, pinned, -1, False)
    return total

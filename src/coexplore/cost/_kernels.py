"""How much data moves? Closed-form counting over a flattened loop nest; scalar code that numba compiles.

A nest is a list of loops, outermost first: `dim[i]` (0..7 for N G K C P Q R S), `factor[i]`, `weight[i]` (extent of the
tile below the loop along its dimension) and `spatial[i]`. The tiles below a boundary `stop` partition each dimension: all
are full but possibly the last one, which is what makes exact counting cheap with imperfect factors.

Physics: a memory instance holds one tile of an operand. When the tile changes, the part that the previous tile lacks is
fetched. An input tile is the bounding box of the window positions. Instances that need the same tile share one read of
their parent (multicast); overlapping but different tiles do not. Partial sums are reduced on the way up.

The names of the counting functions follow one picture: *pinned* spatial loops stay at instance 0, so pinning the loops
that an operand does not depend on counts distinct data, and pinning everything counts instance 0, the busiest one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

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


@njit(cache=True, inline="always")
def _is_pinned(i, dim, spatial, pinned, after, owner_pinned):  # noqa: ANN001, ANN202
    if spatial[i]:
        return pinned[i]
    return i > after or (owner_pinned and i == after)


@njit(cache=True)
def count_tiles(bound, d, stop, dim, factor, weight, spatial, pinned, after, owner_pinned):  # noqa: ANN001, ANN201
    """Tiles of dimension `d` that begin before `bound`, over the loops [0, stop) that are free.

    Spatial loops are free unless pinned; temporal loops after position `after` stand at their first iteration, and so
    does the loop at `after` itself when `owner_pinned`.
    """
    if bound <= 0:
        return 0
    inner = 1
    for i in range(stop):
        if dim[i] == d and not _is_pinned(i, dim, spatial, pinned, after, owner_pinned):
            inner *= factor[i]
    total = 0
    rest = bound
    for i in range(stop):
        if dim[i] != d:
            continue
        if _is_pinned(i, dim, spatial, pinned, after, owner_pinned):
            if rest >= weight[i]:
                return total + inner
            continue
        inner //= factor[i]
        full = rest // weight[i]
        if full >= factor[i]:
            return total + factor[i] * inner
        total += full * inner
        rest -= full * weight[i]
        if rest == 0:
            return total
    return total + 1


@njit(cache=True)
def tile_extent(d, stop, size, dim, factor):  # noqa: ANN001, ANN201
    """Extent of the full tile of dimension `d` below the boundary."""
    extent = 1
    for i in range(stop, dim.size):
        if dim[i] == d:
            extent *= factor[i]
    return min(extent, size)


@njit(cache=True)
def last_tile_counted(d, stop, size, extent, dim, factor, weight, spatial, pinned, after, owner_free):  # noqa: ANN001, ANN201
    """Whether the last tile of dimension `d` stands at zero on all pinned loops and on the temporal loops behind `after`.

    With `owner_free` the loop at `after`, if it is of this dimension, must have advanced.
    """
    start = (size - 1) // extent * extent
    for i in range(stop):
        if dim[i] != d:
            continue
        digit = start // weight[i]
        start -= digit * weight[i]
        if spatial[i]:
            if pinned[i] and digit > 0:
                return False
        elif i > after and digit > 0:
            return False
        elif owner_free and i == after and digit == 0:
            return False
    return True


@njit(cache=True)
def sum_extents(d, stop, size, dim, factor, weight, spatial, pinned, after):  # noqa: ANN001, ANN201
    """Number of tiles and the sum of their extents, for the free loops before the boundary."""
    extent = tile_extent(d, stop, size, dim, factor)
    tiles = count_tiles(size, d, stop, dim, factor, weight, spatial, pinned, after, False)
    total = tiles * extent
    short = extent - (size - (size - 1) // extent * extent)
    if short > 0 and last_tile_counted(d, stop, size, extent, dim, factor, weight, spatial, pinned, after, False):
        total -= short
    return tiles, total


@njit(cache=True)
def transition_groups(d, j, stop, size, dim, factor, weight, spatial, pinned, groups):  # noqa: ANN001, ANN201
    """How tiles of dimension `d` change when the temporal loop at `j` advances and all loops inside it restart.

    Fills `groups` with rows (shift of the start, new extent, old extent, how often); returns the number of rows.
    """
    extent = tile_extent(d, stop, size, dim, factor)
    last = size - (size - 1) // extent * extent
    short = last < extent
    if dim[j] == d:
        reach = 0
        for i in range(j + 1, stop):
            if dim[i] == d and not spatial[i]:
                reach += (factor[i] - 1) * weight[i]
        times = count_tiles(size, d, stop, dim, factor, weight, spatial, pinned, j, False)
        times -= count_tiles(size, d, stop, dim, factor, weight, spatial, pinned, j, True)
        at_end = 0
        if short and last_tile_counted(d, stop, size, extent, dim, factor, weight, spatial, pinned, j, True):
            at_end = 1
        groups[0, 0], groups[0, 1], groups[0, 2], groups[0, 3] = weight[j] - reach, extent, extent, times - at_end
        groups[1, 0], groups[1, 1], groups[1, 2], groups[1, 3] = weight[j] - reach, last, extent, at_end
        return 2
    return _restart_groups(d, j, stop, size, extent, last, dim, factor, weight, spatial, pinned, groups)


@njit(cache=True)
def _restart_groups(d, j, stop, size, extent, last, dim, factor, weight, spatial, pinned, groups):  # noqa: ANN001, ANN202
    """Rows for a dimension whose loops inside `j`, if any, run back from their last legal iteration to the first."""
    offset = 0
    for i in range(j + 1, stop):
        if dim[i] == d and not spatial[i]:
            offset += (factor[i] - 1) * weight[i]
    # Where the last tile of the dimension stands: its offset along the restarting loops, and whether it is counted.
    start = (size - 1) // extent * extent
    last_offset = 0
    last_is_counted = last < extent
    for i in range(stop):
        if dim[i] == d:
            digit = start // weight[i]
            start -= digit * weight[i]
            if spatial[i]:
                if pinned[i] and digit > 0:
                    last_is_counted = False
            elif i > j:
                last_offset += digit * weight[i]
    remaining = count_tiles(size, d, stop, dim, factor, weight, spatial, pinned, j, False)
    seen = 0
    rows = 0
    while remaining > 0:
        reached = count_tiles(size - offset, d, stop, dim, factor, weight, spatial, pinned, j, False)
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
        offset = _previous_offset(offset, d, j, stop, dim, factor, weight, spatial)
    return rows


@njit(cache=True)
def _previous_offset(offset, d, j, stop, dim, factor, weight, spatial):  # noqa: ANN001, ANN202
    """The next smaller offset that the restarting loops can reach; 0 stays 0."""
    target = offset - 1
    found = 0
    for i in range(j + 1, stop):
        if dim[i] == d and not spatial[i]:
            digit = min(factor[i] - 1, target // weight[i])
            found += digit * weight[i]
            target -= digit * weight[i]
    return max(found, 0)


@njit(cache=True)
def plain_overlap(d, j, stop, size, dim, factor, weight, spatial, pinned, groups):  # noqa: ANN001, ANN201
    """Elements along a non-sliding dimension that stay when loop `j` advances, summed over all its advances."""
    if dim[j] == d:
        return 0
    restarts = 1
    below = 1
    for i in range(stop):
        if dim[i] == d:
            below *= factor[i]
            if i > j and not spatial[i]:
                restarts *= factor[i]
    if restarts == 1:
        return sum_extents(d, stop, size, dim, factor, weight, spatial, pinned, j)[1]
    if below * tile_extent(d, stop, size, dim, factor) == size:
        return 0
    rows = transition_groups(d, j, stop, size, dim, factor, weight, spatial, pinned, groups)
    total = 0
    for row in range(rows):
        if groups[row, 0] == 0:
            total += groups[row, 3] * groups[row, 1]
    return total


@njit(cache=True)
def window_overlap(d, e, step, dilation, j, stop, sizes, dim, factor, weight, spatial, pinned, left, right):  # noqa: ANN001, ANN201
    """The same for an input axis, where output position `d` and filter position `e` move the window together."""
    rows = transition_groups(d, j, stop, sizes[d], dim, factor, weight, spatial, pinned, left)
    columns = transition_groups(e, j, stop, sizes[e], dim, factor, weight, spatial, pinned, right)
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


@njit(cache=True)
def advances(d, j, stop, size, dim, factor, weight, spatial, pinned):  # noqa: ANN001, ANN201
    """How often dimension `d` takes part in an advance of loop `j`, its extents aside."""
    times = count_tiles(size, d, stop, dim, factor, weight, spatial, pinned, j, False)
    if dim[j] == d:
        times -= count_tiles(size, d, stop, dim, factor, weight, spatial, pinned, j, True)
    return times


@njit(cache=True)
def visited(operand, stop, after, sizes, window, dim, factor, weight, spatial, pinned):  # noqa: ANN001, ANN201
    """Elements of an operand over all tiles visited below the boundary, without any reuse between visits."""
    total = 1
    tiles = np.empty(8, np.int64)
    extents = np.empty(8, np.int64)
    for d in range(8):
        tiles[d], extents[d] = sum_extents(d, stop, sizes[d], dim, factor, weight, spatial, pinned, after)
        if not RELEVANT[operand, d]:
            total *= tiles[d]
        elif operand != INPUT or d < P:
            total *= extents[d]
    if operand == INPUT:
        for axis in range(2):
            p, r = P + axis, R + axis
            wide = window[axis] * (extents[p] - tiles[p]) * tiles[r] + window[2 + axis] * (extents[r] - tiles[r]) * tiles[p]
            total *= wide + tiles[p] * tiles[r]
    return total


@njit(cache=True)
def fetched(operand, stop, sizes, window, dim, factor, weight, spatial, pinned, left, right):  # noqa: ANN001, ANN201
    """Elements of an operand that enter below the boundary: what each new tile has and the previous one lacked."""
    total = visited(operand, stop, stop, sizes, window, dim, factor, weight, spatial, pinned)
    for j in range(stop):
        if spatial[j]:
            continue
        kept = 1
        for d in range(8):
            if kept == 0:
                break
            if not RELEVANT[operand, d]:
                continue
            if operand != INPUT or d < P:
                kept *= plain_overlap(d, j, stop, sizes[d], dim, factor, weight, spatial, pinned, left)
            elif d < R:
                kept *= window_overlap(
                    d, d + 2, window[d - P], window[2 + d - P], j, stop, sizes, dim, factor, weight, spatial, pinned, left, right
                )
        for d in range(8):
            if kept > 0 and not RELEVANT[operand, d]:
                kept *= advances(d, j, stop, sizes[d], dim, factor, weight, spatial, pinned)
        total -= kept
    return total


@njit(cache=True)
def distinct(operand, stop, sizes, window, dim, factor, weight, spatial, pinned):  # noqa: ANN001, ANN201
    """Elements of an output that each counted instance ever holds: all its tiles once, the summed loops at their start."""
    total = 1
    for d in range(8):
        if RELEVANT[operand, d]:
            total *= sum_extents(d, stop, sizes[d], dim, factor, weight, spatial, pinned, stop)[1]
        else:
            total *= count_tiles(sizes[d], d, stop, dim, factor, weight, spatial, pinned, -1, False)
    return total

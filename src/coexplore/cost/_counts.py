"""All counts of one replay: what enters every level, how often the array reads its operands, how many cycles it works.

References: the reuse analysis is ours; `coexplore.testing.oracle` walks the same nest step by step and must agree exactly.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from coexplore.cost._kernels import (
    INPUT,
    OUTPUT,
    RELEVANT,
    P,
    R,
    count_tiles,
    distinct,
    fetched,
    tile_extent,
    visited,
)

# Columns of `moves`, in elements.
ALL, SHARED, ONE, ONE_PARENT, FIRST_SHARED, FIRST_ONE, FIRST_ONE_PARENT, STEP_ONE_PARENT = range(8)
MOVES = 8


@njit(cache=True)
def _pin(pinned, operand, parent, inner, outer_pinned, share, dim, spatial, level):  # noqa: ANN001, ANN202
    """Pin the spatial loops for one way of counting.

    Fan-outs of levels before `parent` are pinned with `outer_pinned`; from `parent` up to `inner` the operand's irrelevant
    loops are pinned with `share` (multicast), and all loops with `share` 2 (one child instance).
    """
    for i in range(dim.size):
        pinned[i] = False
        if not spatial[i]:
            continue
        if level[i] < parent:
            pinned[i] = outer_pinned
        elif level[i] < inner:
            pinned[i] = share == 2 or (share == 1 and not RELEVANT[operand, dim[i]])


@njit(cache=True)
def footprint(operand, stop, sizes, window, dim, factor):  # noqa: ANN001, ANN201
    """Elements of the full tile of an operand below a boundary."""
    total = 1
    for d in range(8):
        if not RELEVANT[operand, d] or (operand == INPUT and d >= P):
            continue
        total *= tile_extent(d, stop, sizes[d], dim, factor)
    if operand == INPUT:
        for axis in range(2):
            p = tile_extent(P + axis, stop, sizes[P + axis], dim, factor)
            r = tile_extent(R + axis, stop, sizes[R + axis], dim, factor)
            total *= window[axis] * (p - 1) + window[2 + axis] * (r - 1) + 1
    return total


@njit(cache=True)
def count_moves(sizes, window, dim, factor, weight, spatial, level, start, keeps, outermost_only, moves, tiles, accesses):  # noqa: ANN001, ANN201
    """Fill `moves` (level, operand, column), `tiles` (level, operand) and `accesses` (operand, [all, one]).

    With `outermost_only` just the moves between the two outermost levels are counted, for a lower bound that no inner loop
    order can change; `accesses` is then zero.
    Returns the cycles in which the array computes: those of instance 0, which always has the most work.
    """
    levels = keeps.shape[0]
    pinned = np.zeros(dim.size, np.bool_)
    left = np.empty((64, 4), np.int64)
    right = np.empty((64, 4), np.int64)
    for operand in range(3):
        parent = 0
        for inner in range(1, levels):
            if not keeps[inner, operand] or (outermost_only and inner > 1):
                continue
            stop = start[inner]
            row = moves[inner, operand]
            tiles[inner, operand] = footprint(operand, stop, sizes, window, dim, factor)
            for column, outer, share in ((ALL, False, 0), (SHARED, False, 1), (ONE, True, 2), (ONE_PARENT, True, 1)):
                _pin(pinned, operand, parent, inner, outer, share, dim, spatial, level)
                row[column] = fetched(operand, stop, sizes, window, dim, factor, weight, spatial, pinned, left, right)
                if column == ONE_PARENT:
                    row[STEP_ONE_PARENT] = visited(
                        operand, stop, -1, sizes, window, dim, factor, weight, spatial, pinned
                    )
                if operand == OUTPUT and column != ALL:
                    row[column + 3] = distinct(operand, stop, sizes, window, dim, factor, weight, spatial, pinned)
            parent = inner
        tiles[0, operand] = footprint(operand, 0, sizes, window, dim, factor)
        if operand == OUTPUT:
            moves[0, operand, FIRST_SHARED] = moves[0, operand, FIRST_ONE] = tiles[0, operand]
        stop = dim.size
        if outermost_only:
            accesses[operand] = 0
            continue
        for column, outer in ((0, False), (1, True)):
            _pin(pinned, operand, parent, levels, outer, 1, dim, spatial, level)
            accesses[operand, column] = visited(operand, stop, stop, sizes, window, dim, factor, weight, spatial, pinned)
    cycles = 1
    for i in range(dim.size):
        pinned[i] = spatial[i]
    for d in range(8):
        cycles *= count_tiles(sizes[d], d, dim.size, dim, factor, weight, spatial, pinned, dim.size, False)
    return cycles

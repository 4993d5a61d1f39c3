"""How much data moves, counted fast? The counts of `_counts`, in closed form for dimensions whose factors divide.

Where all factors of a dimension multiply to its size, every tile is full and the general kernels reduce to products.
The other dimensions still go through them, so that the result is the same for every nest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._compile import inner, kernel, maker
from coexplore.cost._counts import (
    ALL,
    FIRST_ONE,
    FIRST_SHARED,
    ONE,
    ONE_PARENT,
    SHARED,
    STEP_ONE_PARENT,
)
from coexplore.cost._kernels import (
    INPUT,
    MAX_GROUPS,
    OUTPUT,
    RELEVANT,
    P,
    R,
    advances,
    count_tiles,
    plain_overlap,
    sum_extents,
    window_overlap,
)
from coexplore.cost.nest import ALONE, BELOW, DIM, FACTOR, LEVEL, SPATIAL, Flags, Ints, Machine, Nest, Problem

WAYS = 4
"""All instances, those that share data once, one parent, one instance: what is pinned grows from way to way."""


class Tally(NamedTuple):
    """Room for counting one boundary, per way `w`."""

    pins: Flags
    """(w, i) Spatial loops that stay at instance 0."""
    tiles: Ints
    """(w, 8)"""
    extents: Ints
    """(w, 8) Summed over the tiles."""
    spread: Ints
    """(w, 8) Product of the spatial factors that are free."""
    turns: Ints
    """(8,) Product of the temporal factors."""
    extent: Ints
    """(8,) Of the full tile, overrunning the op."""
    divides: Flags
    """(8,) Whether the factors multiply to the size."""
    left: Ints
    right: Ints


@kernel
def make_tally(loops: int) -> Tally:
    """Room for nests of so many loops."""
    return Tally(
        np.zeros((WAYS, loops), np.bool_),
        np.ones((WAYS, 8), np.int64),
        np.ones((WAYS, 8), np.int64),
        np.ones((WAYS, 8), np.int64),
        np.ones(8, np.int64),
        np.ones(8, np.int64),
        np.zeros(8, np.bool_),
        np.zeros((MAX_GROUPS, 4), np.int64),
        np.zeros((MAX_GROUPS, 4), np.int64),
    )


@kernel
def count_fast(
    problem: Problem, machine: Machine, nest: Nest, moves: Ints, tiles: Ints, accesses: Ints, tally: Tally
) -> int:
    """The same as `_counts.count_moves` over all levels, faster. Returns the cycles in which the array computes."""
    moves[:] = 0
    tiles[:] = 0
    table = nest.table
    for d in range(8):
        covered = 1
        for i in range(table.shape[0]):
            if table[i, DIM] == d:
                covered *= table[i, FACTOR]
        tally.divides[d] = covered == problem.sizes[d]
    for operand in range(3):
        parent = 0
        for level in range(machine.keeps.shape[0]):
            if machine.keeps[level, operand]:
                stop = nest.start[level]
                _measure_tile(stop, problem, table, tally.extent)
                tiles[level, operand] = tile_elements(operand, tally.extent, problem.sizes, problem.window)
                if level > 0:
                    count_exactly(operand, parent, stop, problem, table, tally, moves[level, operand])
                    parent = level
        _count_accesses(operand, parent, problem, table, tally, accesses)
    moves[0, OUTPUT, FIRST_SHARED] = moves[0, OUTPUT, FIRST_ONE] = tiles[0, OUTPUT]
    return _count_cycles(problem, table, tally)


@inner
def _measure_tile(stop: int, problem: Problem, table: Ints, extent: Ints) -> None:
    for d in range(8):
        extent[d] = 1 if stop > 0 else problem.sizes[d]
    if stop > 0:
        for i in range(stop, table.shape[0]):
            extent[table[i, DIM]] *= table[i, FACTOR]


@inner
def tile_elements(operand: int, extent: Ints, sizes: Ints, window: Ints) -> int:
    """Elements of the full tile of an operand; an input tile is a box around its windows."""
    total = 1
    for d in range(8):
        inside = min(extent[d], sizes[d])
        if RELEVANT[operand, d] and (operand != INPUT or d < P):
            total *= inside
        if operand == INPUT and P <= d < R:
            filter_extent = min(extent[d + 2], sizes[d + 2])
            total *= window[d - P] * (inside - 1) + window[2 + d - P] * (filter_extent - 1) + 1
    return total


@inner
def _pin_ways(operand: int, parent: int, stop: int, table: Ints, tally: Tally) -> tuple[bool, bool]:
    """Fill pins, spread and turns; returns whether there are several parents, and whether children share data."""
    pins, spread, turns = tally.pins, tally.spread, tally.turns
    for d in range(8):
        turns[d] = 1
        for way in range(WAYS):
            spread[way, d] = 1
    outer = beside = False
    for i in range(stop):
        d, factor = table[i, DIM], table[i, FACTOR]
        if table[i, SPATIAL] == 0:
            turns[d] *= factor
            pins[0, i] = pins[1, i] = pins[2, i] = pins[3, i] = False
            continue
        above = table[i, LEVEL] < parent
        shares = not above and not RELEVANT[operand, d] and (operand == OUTPUT or table[i, ALONE] == 0)
        outer, beside = outer or above, beside or shares
        pins[0, i], pins[1, i], pins[2, i], pins[3, i] = False, shares, above or shares, True
        for way in range(3):
            if not pins[way, i]:
                spread[way, d] *= factor
    return outer, beside


@inner
def count_exactly(operand: int, parent: int, stop: int, problem: Problem, table: Ints, tally: Tally, row: Ints) -> None:
    """Fill one row of `moves`."""
    outer, beside = _pin_ways(operand, parent, stop, table, tally)
    columns = (ALL, SHARED, ONE_PARENT, ONE)
    for way in range(WAYS):
        if way == 1 and not beside:
            row[SHARED] = row[ALL]
        elif way == 2 and not outer:
            row[ONE_PARENT] = row[SHARED]
        else:
            _visit(way, stop, stop, problem, table, tally)
            total = _elements(operand, problem, tally.tiles[way], tally.extents[way])
            row[columns[way]] = total - _kept(operand, way, stop, problem, table, tally)
        if operand == OUTPUT and way > 0:
            row[columns[way] + FIRST_SHARED - SHARED] = _distinct(way, stop, problem, table, tally)
    _visit(2, stop, -1, problem, table, tally)
    row[STEP_ONE_PARENT] = _elements(operand, problem, tally.tiles[2], tally.extents[2])


@inner
def _visit(way: int, stop: int, after: int, problem: Problem, table: Ints, tally: Tally) -> None:
    """Tiles and their summed extents; with `after` -1 only those of the first temporal iteration."""
    for d in range(8):
        if tally.divides[d]:
            tally.tiles[way, d] = tally.spread[way, d] * (tally.turns[d] if after >= 0 else 1)
            tally.extents[way, d] = tally.tiles[way, d] * tally.extent[d]
        else:
            found = sum_extents(d, stop, problem.sizes[d], table, tally.pins[way], after)
            tally.tiles[way, d], tally.extents[way, d] = found


@inner
def _elements(operand: int, problem: Problem, tiles: Ints, extents: Ints) -> int:
    total = 1
    for d in range(8):
        if not RELEVANT[operand, d]:
            total *= tiles[d]
        elif operand != INPUT or d < P:
            total *= extents[d]
    if operand == INPUT:
        for axis in range(2):
            total *= _windows(axis, problem, tiles, extents)
    return total


@inner
def _windows(axis: int, problem: Problem, tiles: Ints, extents: Ints) -> int:
    """Rows (or columns) of input under all pairs of output and filter tiles."""
    p, r = P + axis, R + axis
    wide = problem.window[axis] * (extents[p] - tiles[p]) * tiles[r]
    wide += problem.window[2 + axis] * (extents[r] - tiles[r]) * tiles[p]
    rows: int = wide + tiles[p] * tiles[r]
    return rows


@inner
def _distinct(way: int, stop: int, problem: Problem, table: Ints, tally: Tally) -> int:
    """Outputs that the counted instances ever hold, summed loops at their start."""
    total = 1
    for d in range(8):
        if RELEVANT[OUTPUT, d]:
            if tally.divides[d]:
                total *= tally.turns[d] * tally.spread[way, d] * tally.extent[d]
            else:
                total *= sum_extents(d, stop, problem.sizes[d], table, tally.pins[way], stop)[1]
        elif tally.divides[d]:
            total *= tally.spread[way, d]
        else:
            total *= count_tiles(problem.sizes[d], d, stop, table, tally.pins[way], -1, False)
    return total


@maker
def _kept(operand: int, way: int, stop: int, problem: Problem, table: Ints, tally: Tally) -> int:
    """Elements that stay when a temporal loop advances, summed over all loops, from the inside out."""
    total = 0
    inside, reach = np.ones(8, np.int64), np.zeros(8, np.int64)
    tiles, extents, divides = tally.tiles[way], tally.extents[way], tally.divides
    for j in range(stop - 1, -1, -1):
        if table[j, SPATIAL]:
            continue
        own, factor = table[j, DIM], table[j, FACTOR]
        kept = 1
        for d in range(8):
            if not RELEVANT[operand, d]:
                if divides[d]:
                    times = tiles[d] // inside[d]
                    kept *= times - times // factor if d == own else times
                else:
                    kept *= advances(d, j, stop, problem.sizes[d], table, tally.pins[way])
            elif operand == INPUT and d >= P:
                if d < R:
                    kept *= _window_kept(d, j, way, stop, problem, table, tally, tiles, extents, inside, reach)
            elif d == own:
                kept = 0
            elif inside[d] == 1:
                kept *= extents[d]
            elif divides[d]:
                # It has moved on by the time any loop further outside advances.
                return total
            else:
                kept *= plain_overlap(d, j, stop, problem.sizes[d], table, tally.pins[way], tally.left)
            if kept == 0:
                break
        total += kept
        reach[own] += (factor - 1) * table[j, BELOW]
        inside[own] *= factor
    return total


@inner
def _window_kept(
    d: int, j: int, way: int, stop: int, problem: Problem, table: Ints, tally: Tally, tiles: Ints, extents: Ints,
    inside: Ints, reach: Ints,
) -> int:  # fmt: skip
    """Rows (or columns) of input that stay, over all pairs of output and filter tiles."""
    e, own = d + 2, table[j, DIM]
    step, dilation = problem.window[d - P], problem.window[2 + d - P]
    if d != own and e != own and inside[d] == 1 and inside[e] == 1:
        return _windows(d - P, problem, tiles, extents)
    if not (tally.divides[d] and tally.divides[e]):
        return window_overlap(d, e, j, stop, problem, table, tally.pins[way], tally.left, tally.right)
    shift = -(step * reach[d] + dilation * reach[e])
    outputs, weights = tiles[d] // inside[d], tiles[e] // inside[e]
    if own == d:
        shift += step * table[j, BELOW]
        outputs -= outputs // table[j, FACTOR]
    elif own == e:
        shift += dilation * table[j, BELOW]
        weights -= weights // table[j, FACTOR]
    common = step * (tally.extent[d] - 1) + dilation * (tally.extent[e] - 1) + 1 - abs(shift)
    return outputs * weights * common if common > 0 else 0


@inner
def _count_accesses(operand: int, home: int, problem: Problem, table: Ints, tally: Tally, accesses: Ints) -> None:
    """How often the array reads its operand: over all instances of its innermost home, and of one."""
    stop = table.shape[0]
    _pin_ways(operand, home, stop, table, tally)
    for d in range(8):
        tally.extent[d] = 1
    for column, way in ((0, 1), (1, 2)):
        _visit(way, stop, stop, problem, table, tally)
        accesses[operand, column] = _elements(operand, problem, tally.tiles[way], tally.tiles[way])


@inner
def _count_cycles(problem: Problem, table: Ints, tally: Tally) -> int:
    stop = table.shape[0]
    _pin_ways(OUTPUT, 0, stop, table, tally)
    _visit(3, stop, stop, problem, table, tally)
    cycles = 1
    for d in range(8):
        cycles *= tally.tiles[3, d]
    return cycles

"""All counts of one replay: what enters every level, how often the array reads its operands, how many cycles it works.

References: the reuse analysis is ours; `coexplore.testing.oracle` walks the same nest step by step and must agree
exactly.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._compile import inner, kernel
from coexplore.cost._kernels import (
    INPUT,
    MAX_GROUPS,
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
from coexplore.cost.nest import ALONE, DIM, FACTOR, HOP, LEVEL, SPATIAL, Flags, Ints, Machine, Nest, Problem

# Columns of `moves`, in elements.
ALL, SHARED, ONE, ONE_PARENT, FIRST_SHARED, FIRST_ONE, FIRST_ONE_PARENT, STEP_ONE_PARENT = range(8)
MOVES = 8


@inner
def _is_shared(operand: int, i: int, table: Ints) -> bool:
    """Whether the instances of a spatial loop share data of an operand: by multicast, or sums by adding them."""
    return not RELEVANT[operand, table[i, DIM]] and (operand == OUTPUT or table[i, ALONE] == 0)


@kernel
def pin(pinned: Flags, operand: int, parent: int, inner: int, outer_pinned: bool, share: int, table: Ints) -> None:
    """Pin the spatial loops for one way of counting.

    Fan-outs of levels before `parent` are pinned with `outer_pinned`; from `parent` up to `inner` the loops whose
    instances share data are pinned with `share` 1 (multicast), and all loops with `share` 2 (one child instance).
    """
    for i in range(table.shape[0]):
        pinned[i] = False
        if not table[i, SPATIAL]:
            continue
        if table[i, LEVEL] < parent:
            pinned[i] = outer_pinned
        elif table[i, LEVEL] < inner:
            pinned[i] = share == 2 or (share == 1 and _is_shared(operand, i, table))


@inner
def _replication(operand: int, parent: int, inner: int, table: Ints) -> tuple[bool, bool]:
    """Whether there are several parents, and whether instances under one parent share data of the operand."""
    outer = beside = False
    for i in range(table.shape[0]):
        if table[i, SPATIAL] and table[i, LEVEL] < parent:
            outer = True
        elif table[i, SPATIAL] and table[i, LEVEL] < inner and _is_shared(operand, i, table):
            beside = True
    return outer, beside


@inner
def footprint(operand: int, stop: int, problem: Problem, table: Ints) -> int:
    """Elements of the full tile of an operand below a boundary."""
    total = 1
    for d in range(8):
        if not RELEVANT[operand, d] or (operand == INPUT and d >= P):
            continue
        total *= tile_extent(d, stop, problem.sizes[d], table)
    if operand == INPUT:
        for axis in range(2):
            p = tile_extent(P + axis, stop, problem.sizes[P + axis], table)
            r = tile_extent(R + axis, stop, problem.sizes[R + axis], table)
            total *= problem.window[axis] * (p - 1) + problem.window[2 + axis] * (r - 1) + 1
    return total


@kernel
def count_moves(problem: Problem, machine: Machine, nest: Nest, moves: Ints, tiles: Ints, accesses: Ints) -> int:
    """Fill `moves` (level, operand, column), `tiles` (level, operand) and `accesses` (operand, [all, one]).

    Returns the cycles in which the array computes: those of instance 0, which has the most work.
    """
    levels, table = machine.keeps.shape[0], nest.table
    pinned = np.zeros(table.shape[0], np.bool_)
    left = np.empty((MAX_GROUPS, 4), np.int64)
    right = np.empty((MAX_GROUPS, 4), np.int64)
    _clear(moves, tiles, accesses)
    for operand in range(3):
        tiles[0, operand] = footprint(operand, 0, problem, table)
        parent = 0
        for level in range(1, levels):
            if machine.keeps[level, operand]:
                tiles[level, operand] = footprint(operand, nest.start[level], problem, table)
                _count_boundary(operand, parent, level, problem, nest, moves[level, operand], pinned, left, right)
                parent = level
        for column, outer in ((0, False), (1, True)):
            pin(pinned, operand, parent, levels, outer, 1, table)
            accesses[operand, column] = visited(operand, table.shape[0], table.shape[0], problem, table, pinned)
    moves[0, OUTPUT, FIRST_SHARED] = moves[0, OUTPUT, FIRST_ONE] = tiles[0, OUTPUT]
    return _compute_cycles(problem, table, pinned)


@inner
def _clear(moves: Ints, tiles: Ints, accesses: Ints) -> None:
    for level in range(moves.shape[0]):
        for operand in range(3):
            tiles[level, operand] = 0
            for column in range(MOVES):
                moves[level, operand, column] = 0
    for operand in range(3):
        accesses[operand, 0] = accesses[operand, 1] = 0


@inner
def _count_boundary(
    operand: int,
    parent: int,
    inner: int,
    problem: Problem,
    nest: Nest,
    row: Ints,
    pinned: Flags,
    left: Ints,
    right: Ints,
) -> None:
    """Fill one row of `moves`: one operand between a level and its parent, in each way of counting."""
    stop, table = nest.start[inner], nest.table
    has_outer, has_beside = _replication(operand, parent, inner, table)
    for column, outer, share in ((ALL, False, 0), (SHARED, False, 1), (ONE_PARENT, True, 1), (ONE, True, 2)):
        pin(pinned, operand, parent, inner, outer, share, table)
        if column == SHARED and not has_beside:
            row[SHARED] = row[ALL]
        elif column == ONE_PARENT and not has_outer:
            row[ONE_PARENT] = row[SHARED]
        else:
            row[column] = fetched(operand, stop, problem, table, pinned, left, right)
        if column == ONE_PARENT:
            row[STEP_ONE_PARENT] = visited(operand, stop, -1, problem, table, pinned)
        if operand == OUTPUT and column != ALL:
            row[column + FIRST_SHARED - SHARED] = distinct(operand, stop, problem, table, pinned)


@kernel
def skew_cycles(table: Ints) -> int:
    """Cycles until data have travelled through the array: paid once, tiles follow each other without a gap."""
    total = 0
    for i in range(table.shape[0]):
        total += (table[i, FACTOR] - 1) * table[i, HOP]
    return total


@inner
def _compute_cycles(problem: Problem, table: Ints, pinned: Flags) -> int:
    cycles = 1
    for i in range(table.shape[0]):
        pinned[i] = table[i, SPATIAL]
    for d in range(8):
        cycles *= count_tiles(problem.sizes[d], d, table.shape[0], table, pinned, table.shape[0], False)
    return cycles

"""Which mappings are candidates? Unrollings, tiles and loop orders of the declared mapspace, as compiled generators.

The mapspace is declared in words in `coexplore.cost.mapper`; this file is what it means.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._assess import ACCUMULATOR_BITS
from coexplore.cost._compile import kernel
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, C, G, K, N, P, Q, R, S
from coexplore.cost.nest import BELOW, DIM, FACTOR, LEVEL, SPATIAL, Floats, Ints, Machine, Nest, Problem

NONE = -1
"""An axis that unrolls nothing; a level that does not exist."""

FILLS = np.array(
    [
        [S, R, C, Q, P, K, G, N],
        [S, R, K, C, Q, P, G, N],
        [S, R, Q, P, K, C, G, N],
        [K, C, S, R, Q, P, G, N],
    ]
)
"""Priorities in which the tile of a level grows."""
ORDERS = np.array(
    [
        [G, N, K, P, Q, C, R, S],  # outputs stay innermost
        [G, K, C, R, S, N, P, Q],  # weights stay innermost
        [G, N, C, P, Q, R, S, K],  # inputs stay innermost
    ]
)
"""Loop orders of a level, outermost first."""
SPLITS = np.array([[N, 1], [P, 4], [K, 4], [G, 4], [C, 4], [P, 16], [K, 16], [G, 16]])
"""Dimensions that the main memory iterates over in at least so many parts, so that transfers overlap with work."""


class Candidate(NamedTuple):
    """One mapping of the mapspace, as choices."""

    temporal: Ints
    """(l, 8) Iterations per level and dimension."""
    orders: Ints
    """(l,) Rows of `ORDERS`."""
    pick: Ints
    """(a,) Dimension of every axis, or NONE."""
    use: Ints
    """(a,) Instances used."""


@kernel
def list_unrollings(problem: Problem, machine: Machine, limit: int, chosen: Ints, factors: Ints) -> tuple[int, int]:
    """Fill `chosen` and `factors` (limit, a) with the unrollings of fewest compute cycles whose smallest tiles fit.

    Each axis, innermost first, unrolls one dimension it may, by what the axes inside leave of it. Returns how many
    there are, and a level that some unrolling overflows (NONE: none did).
    """
    axes = machine.axis_size.size
    pick = np.full(axes, NONE - 1, np.int64)
    use = np.ones((axes, 8), np.int64)
    left = np.empty((axes + 1, 8), np.int64)
    for d in range(8):
        left[axes, d] = problem.sizes[d]
    cost = np.full(limit, np.inf)
    found, overflow = 0, NONE
    a = axes - 1
    while a < axes:
        if a < 0:
            a += 1
            cycles = 1.0
            for d in range(8):
                cycles *= left[0, d]
            if found == limit and cycles >= cost[limit - 1]:
                continue
            stuck = _smallest_overflow(problem, machine, pick, use)
            if stuck == NONE:
                found = _enter(cycles, pick, use, found, limit, cost, chosen, factors)
            else:
                overflow = stuck
            continue
        pick[a] += 1
        if pick[a] > S:
            pick[a] = NONE - 1
            a += 1
        elif _take(a, pick[a], machine, left, use):
            a -= 1
    return found, overflow


@kernel
def _take(a: int, d: int, machine: Machine, left: Ints, use: Ints) -> bool:
    """Unroll dimension `d` on axis `a` as far as it goes; idle only if nothing is left to unroll. False if illegal."""
    size, dims = machine.axis_size[a], machine.axis_dims[a]
    for e in range(8):
        left[a, e] = left[a + 1, e]
    if d == NONE:
        for e in range(8):
            if dims[e] and left[a, e] > 1 and size > 1:
                return False
        return True
    factor = min(size, left[a, d])
    if not dims[d] or factor < 2:
        return False
    use[a, d] = factor
    left[a, d] = (left[a, d] + factor - 1) // factor
    return True


@kernel
def _smallest_overflow(problem: Problem, machine: Machine, pick: Ints, use: Ints) -> int:
    """A level that does not hold even the tile of its own fan-out, NONE when every level does."""
    tile = np.ones(8, np.int64)
    for level in range(machine.keeps.shape[0] - 1, 0, -1):
        for a in range(pick.size):
            if machine.axis_level[a] == level and pick[a] != NONE:
                tile[pick[a]] *= use[a, pick[a]]
        if (
            machine.capacity_bits[level] >= 0
            and _occupied(level, tile, problem, machine) > machine.capacity_bits[level]
        ):
            return level
    return NONE


@kernel
def _enter(
    cycles: float, pick: Ints, use: Ints, found: int, limit: int, cost: Floats, chosen: Ints, factors: Ints
) -> int:
    """Sort an unrolling into the list by its cycles; on a tie the earlier one stays ahead. Returns the new length."""
    spot = min(found, limit - 1)
    while spot > 0 and cost[spot - 1] > cycles:
        cost[spot] = cost[spot - 1]
        for a in range(pick.size):
            chosen[spot, a], factors[spot, a] = chosen[spot - 1, a], factors[spot - 1, a]
        spot -= 1
    cost[spot] = cycles
    for a in range(pick.size):
        chosen[spot, a] = pick[a]
        factors[spot, a] = use[a, pick[a]] if pick[a] != NONE else 1
    return min(found + 1, limit)


@kernel
def _occupied(level: int, extents: Ints, problem: Problem, machine: Machine) -> int:
    """Upper bound on the bits that a tile of these extents occupies at a level, whatever the loop orders."""
    tile = np.empty(8, np.int64)
    for d in range(8):
        tile[d] = min(extents[d], problem.sizes[d])
    total = 0
    for operand in range(3):
        if not machine.keeps[level, operand]:
            continue
        elements = 1
        changes = False
        for d in range(8):
            if RELEVANT[operand, d]:
                changes = changes or tile[d] < problem.sizes[d]
                if operand != INPUT or d < P:
                    elements *= tile[d]
        if operand == INPUT:
            for axis in range(2):
                steps, filters = tile[P + axis] - 1, tile[R + axis] - 1
                elements *= problem.window[axis] * steps + problem.window[2 + axis] * filters + 1
        width = problem.bits[operand]
        if operand == OUTPUT and _holds_sums(level, tile, problem, machine):
            width = problem.bits[ACCUMULATOR_BITS]
        total += elements * width * (2 if machine.double[level] and changes else 1)
    return total


@kernel
def _holds_sums(level: int, tile: Ints, problem: Problem, machine: Machine) -> bool:
    """Whether a level may hold partial sums: nothing inside keeps outputs, or the sums are split over tiles."""
    for n in range(level + 1, machine.keeps.shape[0]):
        if machine.keeps[n, OUTPUT]:
            return tile[C] < problem.sizes[C] or tile[R] < problem.sizes[R] or tile[S] < problem.sizes[S]
    return True


@kernel
def fill_tiles(
    problem: Problem, machine: Machine, pick: Ints, use: Ints, fills: Ints, split: int, temporal: Ints
) -> bool:
    """Grow the tile of every bounded level, innermost first, by its fill; the main memory takes the rest.

    Writes `temporal` (l, 8); False when the split does not apply to this op.
    """
    spread = np.ones(8, np.int64)
    for a in range(pick.size):
        if pick[a] != NONE:
            spread[pick[a]] *= use[a]
    budget = np.empty(8, np.int64)
    for d in range(8):
        budget[d] = (problem.sizes[d] + spread[d] - 1) // spread[d]
    dim, parts = SPLITS[split, 0], SPLITS[split, 1]
    if parts > 1:
        if budget[dim] < parts:
            return False
        budget[dim] = (budget[dim] + parts - 1) // parts
    tile = np.ones(8, np.int64)
    for level in range(machine.keeps.shape[0]):
        for d in range(8):
            temporal[level, d] = 1
    for level in range(machine.keeps.shape[0] - 1, -1, -1):
        for a in range(pick.size):
            if machine.axis_level[a] == level and pick[a] != NONE:
                tile[pick[a]] *= use[a]
        if level > 0 and machine.capacity_bits[level] >= 0:
            _grow(level, FILLS[fills[level]], problem, machine, tile, budget, temporal[level])
    for d in range(8):
        temporal[0, d] = (problem.sizes[d] + tile[d] - 1) // tile[d]
    return True


@kernel
def _grow(level: int, priority: Ints, problem: Problem, machine: Machine, tile: Ints, budget: Ints, out: Ints) -> None:
    """Extend a tile dimension by dimension, each by the largest of ceil(budget / 2^i) that fits the level."""
    for position in range(8):
        d = priority[position]
        factor = budget[d]
        while factor > 1:
            tile[d] *= factor
            if _occupied(level, tile, problem, machine) <= machine.capacity_bits[level]:
                out[d] = factor
                budget[d] = (budget[d] + factor - 1) // factor
                break
            tile[d] //= factor
            factor = (factor + 1) // 2 if factor > 2 else 1


@kernel
def build_nest(candidate: Candidate, machine: Machine, room: Nest) -> Nest:
    """The nest of a candidate, written into `room`."""
    n = 0
    levels = candidate.temporal.shape[0]
    for level in range(levels):
        room.start[level] = n
        for position in range(8):
            d = ORDERS[candidate.orders[level], position]
            if candidate.temporal[level, d] > 1:
                n = _append(room.table, n, d, candidate.temporal[level, d], 0, level)
        for a in range(candidate.pick.size):
            if machine.axis_level[a] == level and candidate.use[a] > 1:
                n = _append(room.table, n, candidate.pick[a], candidate.use[a], 1, level)
    room.start[levels] = n
    below = np.ones(8, np.int64)
    for i in range(n - 1, -1, -1):
        d = room.table[i, DIM]
        room.table[i, BELOW] = below[d]
        below[d] *= room.table[i, FACTOR]
    return Nest(room.table[:n], room.start)


@kernel
def _append(table: Ints, n: int, d: int, factor: int, spatial: int, level: int) -> int:
    table[n, DIM], table[n, FACTOR], table[n, SPATIAL], table[n, LEVEL] = d, factor, spatial, level
    return n + 1


@kernel
def copy_candidate(source: Candidate, target: Candidate) -> None:
    """Write one candidate over another."""
    for level in range(source.orders.size):
        target.orders[level] = source.orders[level]
        for d in range(8):
            target.temporal[level, d] = source.temporal[level, d]
    for a in range(source.pick.size):
        target.pick[a], target.use[a] = source.pick[a], source.use[a]


@kernel
def write_digits(code: int, base: int, out: Ints, begin: int) -> None:
    """Write `code` in digits into `out[begin:]`, the last one fastest."""
    for i in range(out.size - 1, begin - 1, -1):
        out[i] = code % base
        code //= base


@kernel
def set_orders(code: int, temporal: Ints, orders: Ints) -> bool:
    """Write the loop orders of a code; False where a level of fewer than two loops would only repeat an order."""
    write_digits(code, ORDERS.shape[0], orders, 0)
    for level in range(orders.size):
        loops = 0
        for d in range(8):
            loops += temporal[level, d] > 1
        if orders[level] > 0 and loops < 2:
            return False
    return True

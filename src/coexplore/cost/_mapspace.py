"""Which mappings are candidates? Unrollings, tiles and loop orders of the declared mapspace, as compiled generators.

The mapspace is declared in words in `coexplore.cost.mapper`; this file is what it means. Nothing in it depends on how
large a memory is, except that tiles are listed only up to the largest capacity asked for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._assess import ACCUMULATOR_BITS, in_words
from coexplore.cost._compile import kernel
from coexplore.cost._kernels import INPUT, OUTPUT, WEIGHT, C, G, K, N, P, Q, R, S
from coexplore.cost.nest import Flags, Floats, Ints, Machine, Problem

NONE = -1
"""An axis that unrolls nothing."""

FILLS = np.array(
    [
        [S, R, C, Q, P, K, G, N],
        [S, R, K, C, Q, P, G, N],
        [S, R, Q, P, K, C, G, N],
        [K, C, S, R, Q, P, G, N],
    ]
)
"""Priorities in which a tile grows."""
ORDERS = np.array(
    [
        [G, N, K, P, Q, C, R, S],  # outputs stay innermost
        [G, K, C, R, S, N, P, Q],  # weights stay innermost
        [G, N, C, P, Q, R, S, K],  # inputs stay innermost
    ]
)
"""Loop orders of a level, outermost first."""
MOST_TILES = 128
"""Tiles listed per level; the fills of a level end long before."""


@kernel
def smooth(steps: int) -> int:
    """The next number without prime factors above 7: it has many divisors, and what it adds is skipped, not run."""
    number = steps
    while True:
        rest = number
        for prime in (2, 3, 5, 7):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return number
        number += 1


@kernel
def list_unrollings(problem: Problem, machine: Machine, limit: int) -> tuple[Ints, Ints, Ints]:
    """The unrollings of fewest compute cycles: dimensions and instances per axis (u, a), and steps left (u, 8).

    Axes are decided from the innermost outwards, and after each the `limit` choices with the fewest cycles left stay;
    on a tie the earlier one. An axis takes the fewest instances that need no more steps.
    """
    axes = machine.axis_size.size
    pick, use = np.full((limit, axes), NONE, np.int64), np.ones((limit, axes), np.int64)
    left = np.ones((limit, 8), np.int64)
    left[0] = problem.sizes
    found = 1
    for a in range(axes - 1, -1, -1):
        old_pick, old_use, old_left, before = pick.copy(), use.copy(), left.copy(), found
        cost = np.full(limit, np.inf)
        found = 0
        for i in range(before):
            for d in range(NONE, 8):
                steps = _steps_after(a, d, old_pick[i], old_left[i], machine)
                if steps > 0:
                    cycles = 1.0
                    for e in range(8):
                        cycles *= steps if e == d else old_left[i, e]
                    spot = _make_room(cycles, found, limit, cost, pick, use, left)
                    if spot < limit:
                        found = min(found + 1, limit)
                        cost[spot], pick[spot], use[spot], left[spot] = cycles, old_pick[i], old_use[i], old_left[i]
                        pick[spot, a] = d
                        if d != NONE:
                            use[spot, a] = (old_left[i, d] + steps - 1) // steps
                            left[spot, d] = steps
    return pick[:found], use[:found], left[:found]


@kernel
def _steps_after(a: int, d: int, pick: Ints, left: Ints, machine: Machine) -> int:
    """Steps of dimension `d` once axis `a` unrolls it; 0 if it may not, or if a twin of the axis did it in order."""
    size, dims = machine.axis_size[a], machine.axis_dims[a]
    if d == NONE:
        for e in range(8):
            if dims[e] and left[e] > 1 and size > 1:
                return 0
        return 1
    if not dims[d] or min(size, left[d]) < 2 or (_is_twin(a, machine) and d > pick[a + 1]):
        return 0
    return (left[d] + size - 1) // size


@kernel
def _is_twin(a: int, machine: Machine) -> bool:
    """Whether the next axis is the same in all respects, so that swapping the two changes nothing."""
    b = a + 1
    if b == machine.axis_size.size or machine.axis_level[a] != machine.axis_level[b]:
        return False
    for d in range(8):
        if machine.axis_dims[a, d] != machine.axis_dims[b, d]:
            return False
    same = machine.axis_size[a] == machine.axis_size[b] and machine.axis_alone[a] == machine.axis_alone[b]
    return same and machine.axis_hop[a] == machine.axis_hop[b]


@kernel
def _make_room(cycles: float, found: int, limit: int, cost: Floats, pick: Ints, use: Ints, left: Ints) -> int:
    """Where an unrolling belongs in the list, which is sorted by cycles; `limit` if it does not."""
    if found == limit and cycles >= cost[limit - 1]:
        return limit
    spot = min(found, limit - 1)
    while spot > 0 and cost[spot - 1] > cycles:
        cost[spot], pick[spot], use[spot], left[spot] = cost[spot - 1], pick[spot - 1], use[spot - 1], left[spot - 1]
        spot -= 1
    return spot


@kernel
def element_bits(problem: Problem, machine: Machine, sums: int) -> Ints:
    """(l, 3) Bits of an element at each level, outputs as wide as entry `sums` of the op's bits."""
    levels = machine.keeps.shape[0]
    bits: Ints = np.zeros((levels, 3), np.int64)
    for level in range(levels):
        for operand in range(3):
            if machine.keeps[level, operand]:
                width = problem.bits[sums if operand == OUTPUT else operand]
                bits[level, operand] = in_words(width, machine.word_bits[level])
    return bits


class Box(NamedTuple):
    """What decides whether a tile fits, in few arrays: calls are cheap only with few of them."""

    sizes: Ints
    window: Ints
    bits: Ints
    """(l, 3) Of an element."""
    double: Flags


@kernel
def occupied(level: int, extent: Ints, box: Box, twice: bool) -> int:
    """Bits that a tile occupies at a level; with `twice` those under a double buffer count twice if they may change."""
    z, w, bits = box.sizes, box.window, box.bits
    n, g, k, c = min(extent[N], z[N]), min(extent[G], z[G]), min(extent[K], z[K]), min(extent[C], z[C])
    p, q, r, s = min(extent[P], z[P]), min(extent[Q], z[Q]), min(extent[R], z[R]), min(extent[S], z[S])
    group, filters, pixels = g < z[G], c < z[C] or r < z[R] or s < z[S], n < z[N] or p < z[P] or q < z[Q]
    weights = g * k * c * r * s * bits[level, WEIGHT]
    image = (w[0] * (p - 1) + w[2] * (r - 1) + 1) * (w[1] * (q - 1) + w[3] * (s - 1) + 1)
    inputs = n * g * c * image * bits[level, INPUT]
    sums = n * g * k * p * q * bits[level, OUTPUT]
    if twice and box.double[level]:
        weights *= 2 if group or filters or k < z[K] else 1
        inputs *= 2 if group or filters or pixels else 1
        sums *= 2 if group or pixels or k < z[K] else 1
    return weights + inputs + sums


@kernel
def _holds(begin: int, end: int, extent: Ints, budget: Ints, box: Box) -> bool:
    """Whether the levels of a slot, side by side, hold a tile within a budget of bits each."""
    for level in range(begin, end):
        if 0 <= budget[level] < occupied(level, extent, box, False):
            return False
    return True


@kernel
def _grow(
    begin: int, end: int, whole: Ints, inner: Ints, budget: Ints, fill: Ints, box: Box, tile: Ints, extent: Ints
) -> None:
    """Grow a tile dimension by dimension, each by the largest divisor of the steps that the budget holds."""
    for d in range(8):
        tile[d], extent[d] = 1, inner[d]
    for position in range(8):
        d = fill[position]
        parts = 1
        while parts < whole[d]:
            extent[d] = inner[d] * (whole[d] // parts)
            if _holds(begin, end, extent, budget, box):
                tile[d] = whole[d] // parts
                break
            extent[d] = inner[d]
            parts += 1
            while whole[d] % parts:
                parts += 1


@kernel
def list_tiles(
    slot: int, whole: Ints, inner: Ints, largest: Ints, problem: Problem, machine: Machine, tiles: Ints
) -> int:
    """Fill `tiles` (t, 8), in steps: each fill for each budget, from the largest downwards. Returns their number.

    whole: steps in all. inner: extents of one step. largest: capacities in bits, -1 for unbounded.
    """
    box = make_box(problem, machine)
    begin, end = machine.slots[slot - 1] + 1, machine.slots[slot] + 1
    budget, extent = np.full(largest.size, -1, np.int64), np.ones(8, np.int64)
    found = 0
    for fill in range(FILLS.shape[0]):
        fresh, rung = True, 0
        while _set_budget(begin, end, rung, largest, budget) and _holds(begin, end, inner, budget, box):
            # What the last budget gave and still fits is also what this one gives.
            if fresh or not _holds(begin, end, extent, budget, box):
                fresh = False
                if found == tiles.shape[0]:
                    return found
                _grow(begin, end, whole, inner, budget, FILLS[fill], box, tiles[found], extent)
                found += not _is_known(tiles, found)
            rung += 1
    return found


@kernel
def _is_known(tiles: Ints, last: int) -> bool:
    for i in range(last):
        same = True
        for d in range(8):
            same = same and tiles[i, d] == tiles[last, d]
        if same:
            return True
    return False


@kernel
def _set_budget(begin: int, end: int, rung: int, largest: Ints, budget: Ints) -> bool:
    """Per bounded level of a slot the next of 2^i and 3 * 2^i bits down from its capacity; False past the last."""
    is_bounded, some = False, False
    for level in range(begin, end):
        if largest[level] < 0:
            continue
        is_bounded = True
        power = 1
        while 2 * power <= largest[level]:
            power *= 2
        step = rung if power + power // 2 <= largest[level] and power > 1 else rung + 1
        budget[level] = (power >> (step // 2)) * 3 // 2 if step % 2 == 0 else power >> (step // 2)
        some = some or budget[level] > 0
    return some or (not is_bounded and rung == 0)


@kernel
def round_down(capacity_bits: int) -> int:
    """The first budget of a capacity; -1 stays."""
    if capacity_bits < 1:
        return capacity_bits
    power = 1
    while 2 * power <= capacity_bits:
        power *= 2
    return power + power // 2 if power + power // 2 <= capacity_bits else power


@kernel
def make_box(problem: Problem, machine: Machine) -> Box:
    """What decides whether tiles of an op fit an accelerator."""
    return Box(problem.sizes, problem.window, element_bits(problem, machine, ACCUMULATOR_BITS), machine.double)


@kernel
def repeats(order: int, loops: Ints) -> bool:
    """Whether an earlier order puts the loops of more than one iteration in the same sequence."""
    for other in range(order):
        same = True
        i = j = 0
        while i < 8 or j < 8:
            while i < 8 and loops[ORDERS[order, i]] == 1:
                i += 1
            while j < 8 and loops[ORDERS[other, j]] == 1:
                j += 1
            if i == 8 or j == 8:
                break
            same = same and ORDERS[order, i] == ORDERS[other, j]
            i, j = i + 1, j + 1
        if same:
            return True
    return False

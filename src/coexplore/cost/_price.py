"""What is the best mapping of one op on each of many accelerators? Fronts of unrollings, shared by all that allow them.

Accelerators of one *structure* differ in the sizes of their axes (*shapes* `h`) and in sizes, widths and energies of
their levels (`v`). The front of an unrolling depends on neither, so it is made once, and only if a lower bound says
that it may matter for some accelerator.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._assess import DYNAMIC_J, STATIC_J, SUMMARY, TOTAL, assess, round_to_blocks
from coexplore.cost._compile import inner, kernel
from coexplore.cost._counts import MOVES, ONE, ONE_PARENT, STEP_ONE_PARENT
from coexplore.cost._entry import Classes
from coexplore.cost._goal import Best, Variants, enter, may_win
from coexplore.cost._solve import Pool, begin, list_all, make_pool, make_room, solve
from coexplore.cost._unroll import list_unrollings
from coexplore.cost._sheet import INNER, OPERAND, new_sheet
from coexplore.cost._unrolled import unroll
from coexplore.cost.nest import Floats, Ints, Machine, Problem

UNKNOWN, BARREN = -1, -2
"""Of an unrolling: its front was not made yet; no tiles fit it anywhere."""


class Found(NamedTuple):
    """Unrollings met so far, `u`."""

    pick: Ints
    """(u, a)"""
    use: Ints
    """(u, a)"""
    span: Ints
    """(u, 2) Of the pool."""
    least: Floats
    """(u, n) Row of lower bounds."""


@kernel
def price(
    goal: int, limit: int, prune: bool, problem: Problem, machine: Machine, classes: Classes, variants: Variants, best: Best,
    room_for: int,
) -> tuple[Pool, Found]:  # fmt: skip
    """Write the best mappings of an op into `best`; returns the mappings and unrollings that it refers to.

    Without `prune`, which needs a single shape, bounds are not used; the result is the same.
    """
    w, at = new_sheet(problem, machine, classes.sizes[:, -1])
    room = make_room(at, classes.read.shape[1], problem.bits, machine.word_bits)
    pool = make_pool(room_for, at, room.row.size)
    base_j = problem.macs * problem.mac_j
    found, end, met = _make_found(64, at.axes, room.row.size), 0, 0
    table = np.full(512, -1, np.int64)
    # With one shape, no front is asked for twice, so only what is better than the best so far matters.
    rivals = best.value.size if variants.begin.size == 2 else 0
    for h in range(variants.axis_size.shape[0]):
        picks, uses, lefts = list_unrollings(problem, machine, variants.axis_size[h], limit)
        first, stop = variants.begin[h], variants.begin[h + 1]
        for i in range(picks.shape[0]):
            spot = _look_up(picks[i], uses[i], found, table)
            u = table[spot]
            if u < 0:
                u = table[spot] = met
                if met == found.pick.shape[0]:
                    found = _larger_found(found)
                if 2 * (met + 1) > table.size:
                    table = _larger_table(table, found, met)
                    spot = _look_up(picks[i], uses[i], found, table)
                    table[spot] = u
                found.pick[u], found.use[u], found.span[u, 0] = picks[i], uses[i], UNKNOWN
                met += 1
                unroll(picks[i], uses[i], lefts[i], problem.bits, machine.word_bits, w, at)
                begin(w, at, classes, room)
                found.least[u] = room.row
            if i == 0:
                best.unrolling[first:stop] = u
            if found.span[u, 0] == BARREN:
                continue
            if prune and not may_win(goal, base_j, found.least[u], variants, first, stop, best):
                continue
            if found.span[u, 0] == UNKNOWN:
                unroll(picks[i], uses[i], lefts[i], problem.bits, machine.word_bits, w, at)
                begin(w, at, classes, room)
                if not list_all(w, at, classes, room):
                    found.span[u, 0] = BARREN
                    continue
                found.least[u] = room.row
                if prune and not may_win(goal, base_j, found.least[u], variants, first, stop, best):
                    continue
                after = solve(u, prune, rivals, w, at, classes, room, pool, end, goal, base_j, variants, best)
                while after < 0:
                    pool = _larger_pool(pool)
                    after = solve(u, prune, rivals, w, at, classes, room, pool, end, goal, base_j, variants, best)
                found.span[u, 0], found.span[u, 1] = end if after > end else BARREN, after
                end = after
            if found.span[u, 0] >= 0:
                for m in range(found.span[u, 0], found.span[u, 1]):
                    enter(goal, base_j, m, pool.rows[m], variants, first, stop, best)
    return pool, found


@inner
def _make_found(count: int, axes: int, width: int) -> Found:
    return Found(
        np.empty((count, axes), np.int64), np.empty((count, axes), np.int64), np.zeros((count, 2), np.int64),
        np.empty((count, width)),
    )  # fmt: skip


@inner
def _larger_found(found: Found) -> Found:
    count = found.pick.shape[0]
    larger = _make_found(2 * count, found.pick.shape[1], found.least.shape[1])
    larger.pick[:count], larger.use[:count], larger.span[:count] = found.pick, found.use, found.span
    larger.least[:count] = found.least
    return larger


@inner
def _larger_pool(pool: Pool) -> Pool:
    count = pool.rows.shape[0]
    larger = Pool(
        np.empty((2 * count, pool.rows.shape[1])),
        np.empty((2 * count, pool.counts.shape[1]), np.int64),
        np.empty((2 * count, pool.steps.shape[1], 8), np.int64),
        np.empty((2 * count, pool.orders.shape[1]), np.int64),
        np.empty(2 * count, np.int64),
        np.empty(2 * count, np.int64),
    )
    larger.rows[:count], larger.counts[:count], larger.steps[:count] = pool.rows, pool.counts, pool.steps
    larger.orders[:count], larger.unrolling[:count] = pool.orders, pool.unrolling
    larger.skew[:count] = pool.skew
    return larger


@inner
def _look_up(pick: Ints, use: Ints, found: Found, table: Ints) -> int:
    """The place of an unrolling in a hash table, or where it belongs."""
    key = 0
    for a in range(pick.size):
        key = (key * 31 + pick[a] + 1) * 131 + use[a]
    spot = key % table.size
    while table[spot] >= 0:
        u = table[spot]
        same = True
        for a in range(pick.size):
            same = same and found.pick[u, a] == pick[a] and found.use[u, a] == use[a]
        if same:
            return spot
        spot = (spot + 1) % table.size
    return spot


@inner
def _larger_table(table: Ints, found: Found, met: int) -> Ints:
    larger: Ints = np.full(2 * table.size, -1, np.int64)
    for u in range(met):
        larger[_look_up(found.pick[u], found.use[u], found, larger)] = u
    return larger


@kernel
def settle(
    problem: Problem, machine: Machine, widths: Floats, energies: Floats, best: Best, pool: Pool, costs: Floats
) -> None:  # fmt: skip
    """Cycles and joules (v, 2) of every accelerator's best mapping, by the very operations of a replay.

    widths, energies: (v, l, 2) of reads and writes; energies of one row more, what a cycle leaks.
    """
    w, at = new_sheet(problem, machine, machine.capacity_bits)
    levels = at.levels
    moves, tiles = np.zeros((levels, 3, MOVES), np.int64), np.zeros((levels, 3), np.int64)
    traffic, one = np.zeros((levels, 3, 2), np.int64), np.zeros((levels, 3, 2), np.int64)
    stall, summary = np.zeros(levels), np.zeros(SUMMARY)
    for v in range(best.mapping.size):
        if best.mapping[v] < 0:
            continue
        counts, spot = pool.counts[best.mapping[v]], 1
        for n in range(levels):
            for operand in range(3):
                traffic[n, operand, 0], traffic[n, operand, 1] = counts[spot], counts[spot + 1]
                one[n, operand, 0], one[n, operand, 1] = counts[spot + 2], counts[spot + 3]
                spot += 4
        for b in range(at.boundaries):
            level, operand = w[at.boundary + b, INNER], w[at.boundary + b, OPERAND]
            moves[level, operand, STEP_ONE_PARENT], tiles[level, operand] = counts[spot], counts[spot + 1]
            moves[level, operand, ONE_PARENT], moves[level, operand, ONE] = counts[spot + 2], counts[spot + 3]
            spot += 4
        mine = Machine(
            machine.keeps, machine.capacity_bits, machine.double, widths[v, :, 0], widths[v, :, 1],
            energies[v, :levels, 0], energies[v, :levels, 1], energies[v, levels, 0], machine.axis_level,
            machine.axis_size, machine.axis_dims, machine.axis_alone, machine.axis_hop, machine.word_bits,
            machine.block_bits, machine.slots,
        )  # fmt: skip
        round_to_blocks(mine, traffic, one)
        skew = pool.skew[best.mapping[v]]
        assess(counts[0], skew, problem, mine, moves, tiles, traffic, one, stall, summary)
        costs[v, 0], costs[v, 1] = summary[TOTAL], summary[DYNAMIC_J] + summary[STATIC_J]

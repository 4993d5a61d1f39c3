"""What is the best mapping of one op on each of some accelerators of one shape?

They differ in sizes, widths and energies of their levels (`v`). Unrollings are searched from the most promising one on;
one that cannot be the best anywhere, by a lower bound, is not searched at all.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._assess import DYNAMIC_J, STATIC_J, TOTAL, round_to_blocks
from coexplore.cost._bounds import begin, list_all, thin_out
from coexplore.cost._compile import inner, kernel
from coexplore.cost._counts import ONE, ONE_PARENT, STEP_ONE_PARENT
from coexplore.cost._dive import dive
from coexplore.cost._effort import UNLIMITED, Effort, is_spent
from coexplore.cost._entry import Classes
from coexplore.cost._goal import Best, Variants, may_win, weigh
from coexplore.cost._pool import Pool, make_pool
from coexplore.cost._room import make_room
from coexplore.cost._search import Scratch, assess_with, make_scratch
from coexplore.cost._sheet import INNER, OPERAND, At, new_sheet
from coexplore.cost._solve import keep_mapping, solve
from coexplore.cost._unroll import list_unrollings
from coexplore.cost._unrolled import unroll
from coexplore.cost.nest import Floats, Ints, Machine, Problem

FIRST_LOOKS = 16
"""Unrollings of which a mapping is found at once, before any is searched."""


@kernel
def price(
    goal: int, limit: int, prune: bool, problem: Problem, machine: Machine, classes: Classes, variants: Variants,
    best: Best, effort: Effort,
) -> tuple[Pool, Ints, Ints]:  # fmt: skip
    """Write the best mappings of an op into `best`.

    Returns the mappings that `best` refers to, and the unrollings that these refer to: dimensions and instances per
    axis (u, a), the fastest first. Without `prune`, bounds are not used; the result is the same. Once `effort` is spent
    bounds alone are taken of what is left.
    """
    w, at = new_sheet(problem, machine, classes.sizes[:, -1])
    room = make_room(at, classes.read.shape[1], problem.bits, machine.word_bits)
    base_j = problem.macs * problem.mac_j
    picks, uses, lefts = list_unrollings(problem, machine, limit)
    count = picks.shape[0]
    pool, end = make_pool(best.value.size, at.levels, at.boundaries, at.slots), 0
    promise, least, order = np.empty(count), np.empty((count, room.row.size)), np.arange(count)
    # Bounds of all, then many good mappings, which rule out most others (with a limit a single unrolling may take all
    # there is), then the search. All in one loop: what is called in one place only is compiled once.
    looks = count if effort.left[0] < UNLIMITED else min(count, FIRST_LOOKS)
    for turn in range(count + looks + count):
        if turn == count:
            order = np.argsort(promise, kind="mergesort")
        is_bounded, is_first_look = turn < count, count <= turn < count + looks
        u = turn if is_bounded else order[turn - count if is_first_look else turn - count - looks]
        if is_first_look and is_spent(best, effort):
            continue
        if not is_bounded and (prune or is_first_look) and not may_win(goal, base_j, least[u], variants, best):
            continue
        unroll(picks[u], uses[u], lefts[u], problem.bits, machine.word_bits, w, at)
        begin(w, at, classes, room)
        if is_bounded:
            least[u] = room.row
            weigh(goal, base_j, room.row, variants, best)
            promise[u] = best.weighed[0, best.value.size // 2]
            continue
        if not list_all(w, at, classes, room):
            continue
        if is_first_look:
            if dive(w, at, classes, room, goal, base_j, variants, best, effort):
                end = keep_mapping(u, w, at, classes, room, pool, end, goal, base_j, variants, best)
            continue
        if prune and not may_win(goal, base_j, room.row, variants, best):
            continue
        if prune and not thin_out(w, at, classes, room, goal, base_j, variants, best):
            continue
        end = solve(u, prune, w, at, classes, room, pool, end, goal, base_j, variants, best, effort)
    return pool, picks, uses


@kernel
def settle(
    problem: Problem, machine: Machine, widths: Floats, energies: Floats, best: Best, pool: Pool, costs: Floats
) -> None:  # fmt: skip
    """Cycles and joules (v, 2) of every accelerator's best mapping, by the very operations of a replay.

    widths, energies: (v, l, 2) of reads and writes; energies of one row more, what a cycle leaks.
    """
    w, at = new_sheet(problem, machine, machine.capacity_bits)
    _settle(problem, machine, widths, energies, best, pool, costs, w, at, make_scratch(at.levels))


@inner
def _settle(
    problem: Problem, machine: Machine, widths: Floats, energies: Floats, best: Best, pool: Pool, costs: Floats,
    w: Ints, at: At, scratch: Scratch,
) -> None:  # fmt: skip
    counted, summary = -1, scratch.summary
    for v in range(best.mapping.size):
        m = best.mapping[v]
        if m < 0:
            continue
        if m != counted:
            _unpack(pool.counts[m], machine, w, at, scratch)
            counted = m
        assess_with(
            widths[v], energies[v], pool.counts[m, 0], pool.counts[m, 1], problem, machine, scratch.moves,
            scratch.tiles, scratch.traffic, scratch.one, scratch.stall, summary,
        )  # fmt: skip
        costs[v, 0], costs[v, 1] = summary[TOTAL], summary[DYNAMIC_J] + summary[STATIC_J]


@inner
def _unpack(counts: Ints, machine: Machine, w: Ints, at: At, scratch: Scratch) -> None:
    """Lay out the counts of a mapping, as the pool holds them, for `assess`."""
    spot = 2
    for n in range(at.levels):
        for operand in range(3):
            for way in range(2):
                scratch.traffic[n, operand, way] = counts[spot + way]
                scratch.one[n, operand, way] = counts[spot + 2 + way]
            spot += 4
    for b in range(at.boundaries):
        level, operand = w[at.boundary + b, INNER], w[at.boundary + b, OPERAND]
        scratch.moves[level, operand, STEP_ONE_PARENT], scratch.tiles[level, operand] = counts[spot], counts[spot + 1]
        scratch.moves[level, operand, ONE_PARENT], scratch.moves[level, operand, ONE] = (
            counts[spot + 2],
            counts[spot + 3],
        )
        spot += 4
    # Blocks are those of the shape.
    round_to_blocks(machine, scratch.traffic, scratch.one)

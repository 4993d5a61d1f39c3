"""What is the best mapping of one op on each of some accelerators of one shape?

They differ in sizes, widths and energies of their levels (`v`). Unrollings are searched from the most promising one on;
one that cannot be the best anywhere, by a lower bound, is not searched at all.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._assess import DYNAMIC_J, STATIC_J, SUMMARY, TOTAL, assess, round_to_blocks
from coexplore.cost._compile import kernel
from coexplore.cost._counts import MOVES, ONE, ONE_PARENT, STEP_ONE_PARENT
from coexplore.cost._dive import dive
from coexplore.cost._effort import UNLIMITED, Effort, is_spent
from coexplore.cost._entry import Classes
from coexplore.cost._goal import Best, Variants, may_win, weigh
from coexplore.cost._sheet import INNER, OPERAND, new_sheet
from coexplore.cost._solve import Pool, begin, keep_mapping, larger_pool, list_all, make_pool, make_room, solve
from coexplore.cost._unroll import list_unrollings
from coexplore.cost._unrolled import unroll
from coexplore.cost.nest import Floats, Ints, Machine, Problem


@kernel
def price(
    goal: int, limit: int, prune: bool, problem: Problem, machine: Machine, classes: Classes, variants: Variants,
    best: Best, room_for: int, effort: Effort,
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
    pool, end = make_pool(max(room_for, count), at), 0
    promise, least = np.empty(count), np.empty((count, room.row.size))
    for u in range(count):
        unroll(picks[u], uses[u], lefts[u], problem.bits, machine.word_bits, w, at)
        begin(w, at, classes, room)
        least[u] = room.row
        weigh(goal, base_j, room.row, variants, best)
        promise[u] = best.weighed[0, best.value.size // 2]
    order = np.argsort(promise, kind="mergesort")
    if effort.left[0] < UNLIMITED:
        # Many good mappings first: the search of a single unrolling may take all there is.
        for u in order:
            if not is_spent(best, effort) and may_win(goal, base_j, least[u], variants, best):
                unroll(picks[u], uses[u], lefts[u], problem.bits, machine.word_bits, w, at)
                begin(w, at, classes, room)
                if list_all(w, at, classes, room) and dive(w, at, classes, room, goal, base_j, variants, best, effort):
                    end = keep_mapping(u, w, at, classes, room, pool, end, goal, base_j, variants, best)
    for u in order:
        if prune and not may_win(goal, base_j, least[u], variants, best):
            continue
        unroll(picks[u], uses[u], lefts[u], problem.bits, machine.word_bits, w, at)
        begin(w, at, classes, room)
        if not list_all(w, at, classes, room) or (prune and not may_win(goal, base_j, room.row, variants, best)):
            continue
        after = solve(u, prune, w, at, classes, room, pool, end, goal, base_j, variants, best, effort)
        while after < 0:
            pool = larger_pool(pool)
            after = solve(u, prune, w, at, classes, room, pool, end, goal, base_j, variants, best, effort)
        end = after
    return pool, picks, uses


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
    stall, summary, counted = np.zeros(levels), np.zeros(SUMMARY), -1
    for v in range(best.mapping.size):
        m = best.mapping[v]
        if m < 0:
            continue
        if m != counted:
            spot, counted = 2, m
            for n in range(levels):
                for operand in range(3):
                    for way in range(2):
                        traffic[n, operand, way], one[n, operand, way] = (
                            pool.counts[m, spot + way],
                            pool.counts[m, spot + 2 + way],
                        )
                    spot += 4
            for b in range(at.boundaries):
                level, operand = w[at.boundary + b, INNER], w[at.boundary + b, OPERAND]
                moves[level, operand, STEP_ONE_PARENT], tiles[level, operand] = (
                    pool.counts[m, spot],
                    pool.counts[m, spot + 1],
                )
                moves[level, operand, ONE_PARENT], moves[level, operand, ONE] = (
                    pool.counts[m, spot + 2],
                    pool.counts[m, spot + 3],
                )
                spot += 4
            # Blocks are those of the shape.
            round_to_blocks(machine, traffic, one)
        mine = Machine(
            machine.keeps, machine.capacity_bits, machine.double, widths[v, :, 0], widths[v, :, 1],
            energies[v, :levels, 0], energies[v, :levels, 1], energies[v, levels, 0], machine.axis_level,
            machine.axis_size, machine.axis_dims, machine.axis_alone, machine.axis_hop, machine.word_bits,
            machine.block_bits, machine.slots,
        )  # fmt: skip
        assess(pool.counts[m, 0], pool.counts[m, 1], problem, mine, moves, tiles, traffic, one, stall, summary)
        costs[v, 0], costs[v, 1] = summary[TOTAL], summary[DYNAMIC_J] + summary[STATIC_J]

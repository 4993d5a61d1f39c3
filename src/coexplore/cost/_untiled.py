"""What does the fastest unrolling cost with single steps as tiles and all else at main memory?

The last candidate of every mapspace. It is counted as in a replay, as it may have no closed form.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._assess import DYNAMIC_J, STATIC_J, TOTAL, occupied_bits
from coexplore.cost._compile import inner, kernel, maker
from coexplore.cost._counts import skew_cycles
from coexplore.cost._entry import Classes
from coexplore.cost._goal import EDP, ENERGY, Best, Variants, is_better, may_win
from coexplore.cost._search import Scratch, assess_with, judge, make_scratch
from coexplore.cost.nest import (
    ALONE,
    BELOW,
    COLUMNS,
    DIM,
    FACTOR,
    HOP,
    LEVEL,
    SPATIAL,
    Floats,
    Ints,
    Machine,
    Nest,
    Problem,
)

UNTILED = -2
"""As the mapping of an accelerator; those of a pool are numbered from 0."""


@kernel
def enter_untiled(
    goal: int, problem: Problem, machine: Machine, classes: Classes, variants: Variants, widths: Floats,
    energies: Floats, picks: Ints, uses: Ints, best: Best, costs: Floats,
) -> None:  # fmt: skip
    """Make it the best mapping of every accelerator on which it is, at so many cycles and joules: costs (v, 2).

    picks, uses: (p,) of the unrolling. widths, energies: as of `settle`, after which this is called.
    """
    levels = machine.keeps.shape[0]
    scratch, needs, cost = make_scratch(levels), np.zeros(levels, np.int64), np.zeros(2)
    nest = _untiled_nest(problem.sizes, picks, uses, machine)
    cycles, skew = judge(problem, machine, nest, scratch), skew_cycles(nest.table)
    for n in range(levels):
        for operand in range(3):
            if machine.keeps[n, operand]:
                needs[n] += occupied_bits(n, operand, problem, machine, nest, scratch.moves, scratch.tiles)
    if not may_win(goal, problem.macs * problem.mac_j, _least(cycles + skew, scratch, classes), variants, best):
        return
    for v in range(best.mapping.size):
        if not best.wins[v] or not _holds(needs, classes, variants.sized[:, v]):
            continue
        assess_with(
            widths[v], energies[v], cycles, skew, problem, machine, scratch.moves, scratch.tiles, scratch.traffic,
            scratch.one, scratch.stall, scratch.summary,
        )  # fmt: skip
        cost[0], cost[1] = scratch.summary[TOTAL], scratch.summary[DYNAMIC_J] + scratch.summary[STATIC_J]
        if best.mapping[v] < 0 or _is_cheaper(goal, cost, costs[v]):
            best.mapping[v], costs[v, 0], costs[v, 1] = UNTILED, cost[0], cost[1]


@maker
def _least(cycles: int, scratch: Scratch, classes: Classes) -> Floats:
    """What counted traffic costs at least, as a row of a search: no port is faster, nothing waits."""
    levels, timings = classes.read.shape
    row = np.zeros(timings + 3 * levels)
    for c in range(timings):
        row[c] = cycles
    for n in range(levels):
        reads, writes = scratch.traffic[n, :, 0].sum(), scratch.traffic[n, :, 1].sum()
        one_reads, one_writes = scratch.one[n, :, 0].sum(), scratch.one[n, :, 1].sum()
        row[timings + 2 * n], row[timings + 2 * n + 1] = reads, writes
        for c in range(timings):
            out, back = one_reads * classes.read[n, c], one_writes * classes.write[n, c]
            row[c] = max(row[c], max(out, back) if classes.split[n, c] == 1.0 else out + back)
    return row


@maker
def _untiled_nest(sizes: Ints, picks: Ints, uses: Ints, machine: Machine) -> Nest:
    places, axes, levels = picks.size, machine.axis_level.size, machine.keeps.shape[0]
    table, start, rows = np.zeros((8 + places, COLUMNS), np.int64), np.zeros(levels + 1, np.int64), 0
    for d in range(8):
        inside = 1
        for p in range(places):
            inside *= uses[p] if picks[p] == d else 1
        steps = (sizes[d] + inside - 1) // inside
        if steps > 1:
            table[rows, DIM], table[rows, FACTOR] = d, steps
            rows += 1
    for n in range(levels):
        for p in range(places):
            a = p * axes // places
            if machine.axis_level[a] != n or uses[p] == 1:
                continue
            table[rows, DIM], table[rows, FACTOR], table[rows, LEVEL], table[rows, SPATIAL] = picks[p], uses[p], n, 1
            table[rows, ALONE], table[rows, HOP] = machine.axis_alone[a], machine.axis_hop[a]
            for q in range(p + 1, places):
                if q * axes // places == a:
                    table[rows, HOP] *= uses[q]
            rows += 1
        start[n + 1] = rows
    below = np.ones(8, np.int64)
    for i in range(rows - 1, -1, -1):
        table[i, BELOW] = below[table[i, DIM]]
        below[table[i, DIM]] *= table[i, FACTOR]
    return Nest(table[:rows], start)


@inner
def _holds(needs: Ints, classes: Classes, sized: Ints) -> bool:
    for n in range(needs.size):
        if 0 <= classes.sizes[n, sized[n]] < needs[n]:
            return False
    return True


@inner
def _is_cheaper(goal: int, cost: Floats, other: Floats) -> bool:
    """Whether cycles and joules are better than others, by the goal and what breaks its ties."""
    if goal == ENERGY:
        return is_better(cost[1], cost[0], other[1], other[0])
    if goal == EDP:
        return is_better(cost[0] * cost[1], cost[0], other[0] * other[1], other[0])
    return is_better(cost[0], cost[1], other[0], other[1])

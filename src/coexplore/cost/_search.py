"""Which mapping of the declared mapspace is best? Branch and bound, compiled.

A candidate is judged by the same counting and assessment as a replay. Before the orders of the inner loops are tried, a
candidate's traffic with the main memory, its cycles and its multiplications bound what it can reach; the bound is
loosened by one part in 1e12 so that rounding never drops an optimum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._assess import DYNAMIC_J, STATIC_J, SUMMARY, TOTAL, assess, count_traffic, occupied_bits
from coexplore.cost._compile import kernel
from coexplore.cost._counts import MOVES, count_moves
from coexplore.cost._mapspace import (
    FILLS,
    NONE,
    ORDERS,
    SPLITS,
    Candidate,
    build_nest,
    copy_candidate,
    fill_tiles,
    list_unrollings,
    set_orders,
    write_digits,
)
from coexplore.cost.nest import Floats, Ints, Machine, Nest, Problem

LATENCY, ENERGY, EDP = range(3)
SLACK = 1.0 - 1e-12


class Scratch(NamedTuple):
    """Room for the counts of one candidate."""

    moves: Ints
    tiles: Ints
    accesses: Ints
    traffic: Ints
    one: Ints
    summary: Floats


@kernel
def make_scratch(levels: int) -> Scratch:
    """Room for an accelerator of so many levels."""
    return Scratch(
        np.zeros((levels, 3, MOVES), np.int64),
        np.zeros((levels, 3), np.int64),
        np.zeros((3, 2), np.int64),
        np.zeros((levels, 3, 2), np.int64),
        np.zeros((levels, 3, 2), np.int64),
        np.zeros(SUMMARY),
    )


@kernel
def judge(problem: Problem, machine: Machine, nest: Nest, depth: int, scratch: Scratch) -> int:
    """Count and assess the `depth` outermost levels of a nest into `scratch`; returns the compute cycles."""
    cycles = count_moves(problem, machine, nest, depth, scratch.moves, scratch.tiles, scratch.accesses)
    count_traffic(problem, machine, nest, scratch.moves, scratch.accesses, scratch.traffic, scratch.one)
    assess(cycles, problem, machine, scratch.moves, scratch.tiles, scratch.traffic, scratch.one, scratch.summary)
    return cycles


@kernel
def _value(goal: int, summary: Floats) -> tuple[float, float]:
    """What is minimised, and what breaks a tie."""
    cycles, energy = summary[TOTAL], summary[DYNAMIC_J] + summary[STATIC_J]
    if goal == LATENCY:
        return cycles, energy
    if goal == ENERGY:
        return energy, cycles
    return cycles * energy, cycles


@kernel
def _fits(problem: Problem, machine: Machine, nest: Nest, scratch: Scratch) -> bool:
    for level in range(machine.keeps.shape[0]):
        need = 0
        for operand in range(3):
            if machine.keeps[level, operand]:
                need += occupied_bits(level, operand, problem, machine, nest, scratch.moves, scratch.tiles)
        if 0 <= machine.capacity_bits[level] < need:
            return False
    return True


@kernel
def _known(table: Ints, seen: Ints, count: int) -> bool:
    for i in range(count):
        same = True
        for level in range(table.shape[0]):
            for d in range(table.shape[1]):
                same = same and seen[i, level, d] == table[level, d]
        if same:
            return True
    return False


@kernel
def _try_orders(
    goal: int, prune: bool, problem: Problem, machine: Machine, now: Candidate, room: Nest, scratch: Scratch,
    best: Candidate, first: float, second: float,
) -> tuple[float, float, int]:  # fmt: skip
    """Judge all loop orders of one tiling against the best so far; returns its values and how many were judged."""
    judged = 0
    levels = now.orders.size
    block = ORDERS.shape[0] ** (levels - 1)
    code, end = 0, block * ORDERS.shape[0]
    while code < end:
        if not set_orders(code, now.temporal, now.orders):
            code += 1
            continue
        nest = build_nest(now, machine, room)
        if prune and code % block == 0:
            judge(problem, machine, nest, min(2, levels), scratch)
            value, tie = _value(goal, scratch.summary)
            if value * SLACK > first or (value * SLACK == first and tie * SLACK >= second):
                code += block
                continue
        judge(problem, machine, nest, levels, scratch)
        judged += 1
        value, tie = _value(goal, scratch.summary)
        if (value < first or (value == first and tie < second)) and _fits(problem, machine, nest, scratch):
            first, second = value, tie
            copy_candidate(now, best)
        code += 1
    return first, second, judged


@kernel
def search(
    goal: int, prune: bool, limit: int, problem: Problem, machine: Machine, best: Candidate
) -> tuple[float, float, int, int]:
    """Write the best candidate into `best`; returns its two values, how many were judged, and an overflowing level."""
    levels, axes = machine.keeps.shape[0], machine.axis_size.size
    chosen, factors = np.full((limit, axes), NONE, np.int64), np.ones((limit, axes), np.int64)
    found, overflow = list_unrollings(problem, machine, limit, chosen, factors)
    room = Nest(np.zeros((8 * levels + axes, 5), np.int64), np.zeros(levels + 1, np.int64))
    scratch = make_scratch(levels)
    variants = FILLS.shape[0] ** (levels - 1)
    seen = np.ones((variants * SPLITS.shape[0], levels, 8), np.int64)
    fills, temporal, orders = np.zeros(levels, np.int64), np.ones((levels, 8), np.int64), np.zeros(levels, np.int64)
    first = second = np.inf
    judged = 0
    for u in range(found):
        tables = 0
        for code in range(variants * SPLITS.shape[0]):
            write_digits(code % variants, FILLS.shape[0], fills, 1)
            split = code // variants
            if not fill_tiles(problem, machine, chosen[u], factors[u], fills, split, temporal):
                continue
            if _known(temporal, seen, tables):
                continue
            for level in range(levels):
                for d in range(8):
                    seen[tables, level, d] = temporal[level, d]
            tables += 1
            now = Candidate(temporal, orders, chosen[u], factors[u])
            first, second, count = _try_orders(goal, prune, problem, machine, now, room, scratch, best, first, second)
            judged += count
    return first, second, judged, overflow

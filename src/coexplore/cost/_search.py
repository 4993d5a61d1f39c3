"""Count and assess one nest: what replays and the mapper have in common."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._assess import SUMMARY, assess, count_traffic, occupied_bits, round_to_blocks
from coexplore.cost._compile import inner, kernel
from coexplore.cost._counts import MOVES, skew_cycles
from coexplore.cost._exact import count_fast, make_tally
from coexplore.cost.nest import Floats, Ints, Machine, Nest, Problem


class Scratch(NamedTuple):
    """Room for the counts of one candidate."""

    moves: Ints
    tiles: Ints
    accesses: Ints
    traffic: Ints
    one: Ints
    stall: Floats
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
        np.zeros(levels),
        np.zeros(SUMMARY),
    )


@kernel
def judge(problem: Problem, machine: Machine, nest: Nest, scratch: Scratch) -> int:
    """Count and assess a nest into `scratch`; returns the compute cycles."""
    tally = make_tally(nest.table.shape[0] + 1)
    cycles = count_fast(problem, machine, nest, scratch.moves, scratch.tiles, scratch.accesses, tally)
    count_traffic(problem, machine, nest, scratch.moves, scratch.accesses, scratch.traffic, scratch.one)
    finish(cycles, problem, machine, nest, scratch)
    return cycles


@kernel
def finish(cycles: int, problem: Problem, machine: Machine, nest: Nest, scratch: Scratch) -> None:
    """Turn counted traffic into cycles and joules."""
    round_to_blocks(machine, scratch.traffic, scratch.one)
    assess(
        cycles, skew_cycles(nest.table), problem, machine, scratch.moves, scratch.tiles, scratch.traffic, scratch.one,
        scratch.stall, scratch.summary,
    )  # fmt: skip


@kernel
def fits(problem: Problem, machine: Machine, nest: Nest, scratch: Scratch) -> bool:
    """Whether every level holds its tiles, by the counts in `scratch`."""
    for level in range(machine.keeps.shape[0]):
        need = 0
        for operand in range(3):
            if machine.keeps[level, operand]:
                need += occupied_bits(level, operand, problem, machine, nest, scratch.moves, scratch.tiles)
        if 0 <= machine.capacity_bits[level] < need:
            return False
    return True


@inner
def assess_with(
    widths: Floats, energies: Floats, cycles: int, skew: int, problem: Problem, machine: Machine, moves: Ints,
    tiles: Ints, traffic: Ints, one: Ints, stall: Floats, summary: Floats,
) -> None:  # fmt: skip
    """The same as `assess` for other widths (l, 2) and energies (l + 1, 2), as a lot holds them."""
    levels = machine.keeps.shape[0]
    mine = Machine(
        machine.keeps, machine.capacity_bits, machine.double, widths[:, 0], widths[:, 1], energies[:levels, 0],
        energies[:levels, 1], energies[levels, 0], machine.axis_level, machine.axis_size, machine.axis_dims,
        machine.axis_alone, machine.axis_hop, machine.word_bits, machine.block_bits, machine.slots,
    )  # fmt: skip
    assess(cycles, skew, problem, mine, moves, tiles, traffic, one, stall, summary)

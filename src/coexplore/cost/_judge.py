"""What does one nest cost under given conventions? Clean physics is one kernel; others replace parts of it."""

from __future__ import annotations

import numpy as np

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost._assess import (
    BOUND,
    COMPUTE,
    DYNAMIC_J,
    FILL_DRAIN,
    OFFLOAD,
    ONLOAD,
    READ,
    STATIC_J,
    STEADY,
    TOTAL,
    WRITE,
    count_traffic,
    stored_bits,
)
from coexplore.cost._search import Scratch, finish, judge
from coexplore.cost.accounting import Accounting, Counts, Cycles
from coexplore.cost.nest import Floats, Machine, Nest, Problem


def judge_by(
    accounting: Accounting, accelerator: Accelerator, problem: Problem, machine: Machine, nest: Nest, scratch: Scratch
) -> Floats:
    """Fill `scratch` with the counts and costs of a nest; returns (levels, 3) the joule spent in the memories."""
    cycles = int(judge(problem, machine, nest, scratch))
    if accounting == Accounting(accounting.name):
        return _memory_energy(machine, scratch)
    counts = _elements(cycles, problem, machine, nest, scratch)
    if accounting.count_rule is not None:
        physical, counts = counts, accounting.count_rule(problem, machine, counts)
        _recharge(physical, counts, problem, machine, scratch)
        finish(counts.compute_cycles, problem, machine, nest, scratch)
    if accounting.cycle_rule is not None:
        _retime(accounting.cycle_rule(problem, accelerator, counts), machine, scratch)
    if accounting.energy_rule is None:
        return _memory_energy(machine, scratch)
    energy = accounting.energy_rule(problem, accelerator, counts)
    scratch.summary[DYNAMIC_J] = problem.macs * problem.mac_j + float(energy.sum())
    return energy


def _memory_energy(machine: Machine, scratch: Scratch) -> Floats:
    joule: Floats = scratch.traffic[:, :, READ] * machine.read_j[:, None]
    return joule + scratch.traffic[:, :, WRITE] * machine.write_j[:, None]


def _elements(cycles: int, problem: Problem, machine: Machine, nest: Nest, scratch: Scratch) -> Counts:
    """Traffic in elements: that of operands of one bit, in words of one bit."""
    traffic, one = np.zeros_like(scratch.traffic), np.zeros_like(scratch.one)
    single = problem._replace(bits=np.ones_like(problem.bits))
    plain = machine._replace(word_bits=np.ones_like(machine.word_bits))
    count_traffic(single, plain, nest, scratch.moves, scratch.accesses, traffic, one)
    return Counts(
        compute_cycles=cycles,
        reads=traffic[:, :, READ],
        writes=traffic[:, :, WRITE],
        reads_one=one[:, :, READ],
        writes_one=one[:, :, WRITE],
        moves=scratch.moves,
        tiles=scratch.tiles,
        nest=nest,
    )


def _recharge(before: Counts, after: Counts, problem: Problem, machine: Machine, scratch: Scratch) -> None:
    """Replace the traffic that a count rule changed: its elements at the width at which the level stores them."""
    for old, new, traffic, way in (
        (before.reads, after.reads, scratch.traffic, READ),
        (before.writes, after.writes, scratch.traffic, WRITE),
        (before.reads_one, after.reads_one, scratch.one, READ),
        (before.writes_one, after.writes_one, scratch.one, WRITE),
    ):
        for level, operand in np.argwhere(old != new):
            width = int(stored_bits(level, operand, problem, machine, after.nest))
            traffic[level, operand, way] = new[level, operand] * width


def _retime(cycles: Cycles, machine: Machine, scratch: Scratch) -> None:
    summary = scratch.summary
    summary[COMPUTE], summary[STEADY] = cycles.compute, cycles.compute + cycles.stall
    summary[FILL_DRAIN], summary[ONLOAD], summary[OFFLOAD] = cycles.fill_drain, cycles.onload, cycles.offload
    summary[TOTAL], summary[BOUND] = cycles.total, float(cycles.bound)
    summary[STATIC_J] = cycles.total * machine.static_j_per_cycle
    scratch.stall[:] = cycles.stall_by or 0.0

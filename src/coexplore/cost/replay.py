"""Replay: what one op costs on one accelerator under one given mapping. Nothing is searched here.

Conventions are those of `_assess` (what overlaps, which widths) and `_kernels` (what is fetched when a tile changes).
"""

from __future__ import annotations

from dataclasses import dataclass

from coexplore.accelerators.accelerator import OPERANDS, Accelerator
from coexplore.core.errors import MappingError
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
)
from coexplore.cost._judge import judge_by
from coexplore.cost._search import Scratch, fits, make_scratch
from coexplore.cost.accounting import PHYSICS, Accounting
from coexplore.cost.mapping import Mapping, check_mapping
from coexplore.cost.nest import Floats, Machine, Problem, flatten, machine_of, problem_of
from coexplore.cost.obstacle import Obstacle, find_obstacle
from coexplore.workloads.op import ALL_IN_MAIN_MEMORY, Loops


@dataclass(frozen=True, slots=True)
class Replay:
    """The cost of one mapped op. Cycles are those of the whole op, energies are in joule."""

    feasible: bool
    reason: str
    compute_cycles: float
    fill_drain_cycles: float
    stall_cycles: float
    onload_cycles: float
    offload_cycles: float
    total_cycles: float
    bound: str
    energy_j: float
    energy_by: tuple[tuple[str, str, float], ...]
    """(level, operand, joule); with `mac` and `leakage` rows it adds up to `energy_j`."""
    traffic_bits: tuple[tuple[str, str, int, int], ...]
    """(level, operand, bits read, bits written), over all instances."""
    stall_by: tuple[tuple[str, float], ...]
    """(level, cycles by which its port is busy beyond the array's own); stalls overlap, so they do not add up."""
    obstacle: Obstacle | None
    """What overflows, if something does."""


def too_wide(loops: Loops, accelerator: Accelerator) -> str:
    """Why the multipliers cannot take the op's operands, or an empty string."""
    width = max(loops.bits.weight, loops.bits.input)
    if width <= accelerator.mac.bits:
        return ""
    return f"operands have {width} bits, the multipliers of {accelerator.name!r} take {accelerator.mac.bits}"


def replay(loops: Loops, accelerator: Accelerator, mapping: Mapping, accounting: Accounting = PHYSICS) -> Replay:
    """Cost of an op under a mapping.

    Args:
        loops: the op.
        accelerator: the hardware.
        mapping: one entry per level.
        accounting: conventions; clean physics unless another tool is to be reproduced.

    Raises:
        MappingError: the mapping does not cover the op or does not fit the array, or operands live on chip and the
            accounting is not that of physics; overflow of a level is a result.
    """
    check_mapping(loops, accelerator, mapping)
    _check_accounting(loops, accounting)
    problem, machine, nest = problem_of(loops, accelerator), machine_of(accelerator), flatten(mapping, accelerator)
    scratch = make_scratch(len(accelerator.levels))
    energy = judge_by(accounting, accelerator, problem, machine, nest, scratch)
    roomy = fits(problem, machine, nest, scratch)
    obstacle = None if roomy else find_obstacle(loops, accelerator, mapping)
    reason = too_wide(loops, accelerator) or (obstacle.text if obstacle else "")
    return _report(accelerator, problem, machine, scratch, energy, reason, obstacle)


def _check_accounting(loops: Loops, accounting: Accounting) -> None:
    if loops.resident != ALL_IN_MAIN_MEMORY and accounting != Accounting(accounting.name):
        raise MappingError(
            f"accounting {accounting.name!r} knows no operands that live on chip; replay them under physics, or "
            "let all of them come from main memory"
        )


def _report(
    accelerator: Accelerator, problem: Problem, machine: Machine, scratch: Scratch, energy: Floats,
    reason: str, obstacle: Obstacle | None,
) -> Replay:  # fmt: skip
    names = [level.name for level in accelerator.levels]
    summary = [float(value) for value in scratch.summary]
    rows, energies = [], []
    for n, level in enumerate(names):
        for index, operand in enumerate(OPERANDS):
            if machine.keeps[n, index]:
                reads, writes = int(scratch.traffic[n, index, READ]), int(scratch.traffic[n, index, WRITE])
                rows.append((level, operand.value, reads, writes))
                energies.append((level, operand.value, float(energy[n, index])))
    energies += [("mac", "all", problem.macs * problem.mac_j), ("leakage", "all", summary[STATIC_J])]
    bound = int(summary[BOUND])
    return Replay(
        feasible=not reason,
        reason=reason,
        compute_cycles=summary[COMPUTE],
        fill_drain_cycles=summary[FILL_DRAIN],
        stall_cycles=summary[STEADY] - summary[COMPUTE],
        onload_cycles=summary[ONLOAD],
        offload_cycles=summary[OFFLOAD],
        total_cycles=summary[TOTAL],
        bound="compute" if bound < 0 else f"{names[bound]} bandwidth",
        energy_j=summary[DYNAMIC_J] + summary[STATIC_J],
        energy_by=tuple(energies),
        traffic_bits=tuple(rows),
        stall_by=tuple((name, float(cycles)) for name, cycles in zip(names, scratch.stall, strict=True) if cycles > 0),
        obstacle=obstacle,
    )

"""Replay: what one op costs on one accelerator under one given mapping. Nothing is searched here.

Conventions are those of `_assess` (what overlaps, which widths) and `_kernels` (what is fetched when a tile changes).
"""

from __future__ import annotations

from dataclasses import dataclass

from coexplore.accelerators.accelerator import OPERANDS, Accelerator
from coexplore.cost._assess import (
    BOUND,
    DYNAMIC_J,
    OFFLOAD,
    ONLOAD,
    READ,
    STATIC_J,
    STEADY,
    TOTAL,
    WRITE,
    occupied_bits,
)
from coexplore.cost._search import Scratch, judge, make_scratch
from coexplore.cost.mapping import Mapping, check_mapping
from coexplore.cost.nest import Machine, Nest, Problem, flatten, machine_of, problem_of
from coexplore.workloads.op import Loops


@dataclass(frozen=True, slots=True)
class Replay:
    """The cost of one mapped op. Cycles are those of the whole op, energies are in joule."""

    feasible: bool
    reason: str
    compute_cycles: int
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


def too_wide(loops: Loops, accelerator: Accelerator) -> str:
    """Why the multipliers cannot take the op's operands, or an empty string."""
    width = max(loops.bits.weight, loops.bits.input)
    if width <= accelerator.mac.bits:
        return ""
    return f"operands have {width} bits, the multipliers of {accelerator.name!r} take {accelerator.mac.bits}"


def replay(loops: Loops, accelerator: Accelerator, mapping: Mapping) -> Replay:
    """Cost of an op under a mapping.

    Raises:
        MappingError: the mapping does not cover the op or does not fit the array; overflow of a level is a result.
    """
    check_mapping(loops, accelerator, mapping)
    problem, machine, nest = problem_of(loops, accelerator), machine_of(accelerator), flatten(mapping)
    scratch = make_scratch(len(accelerator.levels))
    cycles = judge(problem, machine, nest, len(accelerator.levels), scratch)
    reason = too_wide(loops, accelerator) or _overflow(accelerator, problem, machine, nest, scratch)
    return _report(accelerator, problem, machine, int(cycles), scratch, reason)


def _overflow(accelerator: Accelerator, problem: Problem, machine: Machine, nest: Nest, scratch: Scratch) -> str:
    """Which level does not hold its tiles, by how much, and what to do; empty when all fit."""
    for n, level in enumerate(accelerator.levels):
        if level.capacity_bytes is None:
            continue
        need = {
            operand.value: int(occupied_bits(n, index, problem, machine, nest, scratch.moves, scratch.tiles))
            for index, operand in enumerate(OPERANDS)
            if machine.keeps[n, index]
        }
        total = -(-sum(need.values()) // 8)
        if total > level.capacity_bytes:
            largest = max(need, key=lambda name: need[name])
            return (
                f"level {level.name!r} needs {total} bytes and holds {level.capacity_bytes} (largest: {largest} with "
                f"{-(-need[largest] // 8)} bytes); use smaller tiles, or at least {total} bytes"
            )
    return ""


def _report(
    accelerator: Accelerator, problem: Problem, machine: Machine, cycles: int, scratch: Scratch, reason: str
) -> Replay:
    names = [level.name for level in accelerator.levels]
    summary = [float(value) for value in scratch.summary]
    rows, energies = [], []
    for n, level in enumerate(names):
        for index, operand in enumerate(OPERANDS):
            if machine.keeps[n, index]:
                reads, writes = int(scratch.traffic[n, index, READ]), int(scratch.traffic[n, index, WRITE])
                rows.append((level, operand.value, reads, writes))
                joule = reads * float(machine.read_j[n]) + writes * float(machine.write_j[n])
                energies.append((level, operand.value, joule))
    energies += [("mac", "all", problem.macs * problem.mac_j), ("leakage", "all", summary[STATIC_J])]
    bound = int(summary[BOUND])
    return Replay(
        feasible=not reason,
        reason=reason,
        compute_cycles=cycles,
        stall_cycles=summary[STEADY] - cycles,
        onload_cycles=summary[ONLOAD],
        offload_cycles=summary[OFFLOAD],
        total_cycles=summary[TOTAL],
        bound="compute" if bound < 0 else f"{names[bound]} bandwidth",
        energy_j=summary[DYNAMIC_J] + summary[STATIC_J],
        energy_by=tuple(energies),
        traffic_bits=tuple(rows),
    )

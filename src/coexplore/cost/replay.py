"""Replay: what one op costs on one accelerator under one given mapping. Nothing is searched here.

Conventions are those of `_assess` (what overlaps, which widths) and `_kernels` (what is fetched when a tile changes).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import OPERANDS, Accelerator
from coexplore.cost import _assess
from coexplore.cost._assess import READ, WRITE, assess, count_traffic, occupied_bits
from coexplore.cost._counts import MOVES, count_moves
from coexplore.cost.mapping import Mapping, check_mapping
from coexplore.cost.nest import Flags, Ints, Nest, flatten, keeps_of, sizes_of, window_of
from coexplore.workloads.op import Loops

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """An accelerator as arrays over its levels `l`, for the kernels. Widths in bits per cycle and instance."""

    keeps: Flags
    capacity_bits: Ints
    double: Flags
    read_width: Floats
    write_width: Floats
    read_j: Floats
    write_j: Floats
    static_j_per_cycle: float


@lru_cache(maxsize=4096)
def machine_of(accelerator: Accelerator) -> Machine:
    """The arrays of an accelerator; -1 is an unbounded capacity, `inf` an unlimited width, write width 0 a shared port."""
    levels = accelerator.levels
    return Machine(
        keeps=keeps_of(accelerator),
        capacity_bits=np.array([-1 if v.capacity_bytes is None else 8 * v.capacity_bytes for v in levels], np.int64),
        double=np.array([level.double_buffered for level in levels], np.bool_),
        read_width=np.array([np.inf if v.read_bytes_per_cycle is None else 8 * v.read_bytes_per_cycle for v in levels]),
        write_width=np.array([0.0 if v.write_bytes_per_cycle is None else 8 * v.write_bytes_per_cycle for v in levels]),
        read_j=np.array([level.read_j_per_bit for level in levels]),
        write_j=np.array([level.write_j_per_bit for level in levels]),
        static_j_per_cycle=accelerator.leakage_w / accelerator.clock_hz,
    )


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


def bits_of(loops: Loops) -> Ints:
    """Bits of weight, input, output and accumulator."""
    return np.array([loops.bits.weight, loops.bits.input, loops.bits.output, loops.bits.accumulator], np.int64)


def mac_energy_j(loops: Loops, accelerator: Accelerator) -> float:
    """Energy of one multiply-accumulate: the array of adders in a multiplier grows with both widths."""
    return accelerator.mac.energy_j * loops.bits.weight * loops.bits.input / accelerator.mac.bits**2


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
    machine, nest, bits = machine_of(accelerator), flatten(mapping), bits_of(loops)
    levels = len(accelerator.levels)
    moves, tiles = np.zeros((levels, 3, MOVES), np.int64), np.zeros((levels, 3), np.int64)
    accesses = np.zeros((3, 2), np.int64)
    shape = (nest.dim, nest.factor, nest.spatial, nest.level)
    cycles = count_moves(
        sizes_of(loops), window_of(loops), nest.dim, nest.factor, nest.weight, nest.spatial, nest.level, nest.start,
        machine.keeps, False, moves, tiles, accesses,
    )  # fmt: skip
    traffic, one = np.zeros((levels, 3, 2), np.int64), np.zeros((levels, 3, 2), np.int64)
    count_traffic(moves, accesses, machine.keeps, bits, *shape, traffic, one)
    port, summary = np.zeros(levels), np.zeros(_assess.SUMMARY)
    mac_j = mac_energy_j(loops, accelerator)
    assess(
        cycles, loops.macs, moves, tiles, traffic, one, machine.keeps, machine.double, machine.read_width,
        machine.write_width, machine.read_j, machine.write_j, mac_j, machine.static_j_per_cycle, bits, *shape, port, summary,
    )  # fmt: skip
    reason = too_wide(loops, accelerator) or _overflow(accelerator, machine, nest, bits, moves, tiles)
    return _report(accelerator, machine, loops.macs * mac_j, int(cycles), traffic, summary, reason)


def _overflow(accelerator: Accelerator, machine: Machine, nest: Nest, bits: Ints, moves: Ints, tiles: Ints) -> str:
    """Which level does not hold its tiles, by how much, and what to do; empty when all fit."""
    shape = (nest.dim, nest.factor, nest.spatial, nest.level)
    for n, level in enumerate(accelerator.levels):
        if level.capacity_bytes is None:
            continue
        need = {}
        for index, operand in enumerate(OPERANDS):
            if machine.keeps[n, index]:
                innermost = max(i for i in range(len(accelerator.levels)) if machine.keeps[i, index])
                need[operand.value] = int(occupied_bits(n, index, innermost, moves, tiles, machine.double, bits, *shape))
        total = -(-sum(need.values()) // 8)
        if total > level.capacity_bytes:
            largest = max(need, key=lambda name: need[name])
            return (
                f"level {level.name!r} needs {total} bytes and holds {level.capacity_bytes} "
                f"(largest: {largest} with {-(-need[largest] // 8)} bytes); use smaller tiles, or at least {total} bytes"
            )
    return ""


def _report(
    accelerator: Accelerator, machine: Machine, mac_j: float, cycles: int, traffic: Ints, summary: Floats, reason: str
) -> Replay:
    names = [level.name for level in accelerator.levels]
    rows, energies = [], []
    for n, level in enumerate(names):
        for index, operand in enumerate(OPERANDS):
            if machine.keeps[n, index]:
                reads, writes = int(traffic[n, index, READ]), int(traffic[n, index, WRITE])
                rows.append((level, operand.value, reads, writes))
                energies.append((level, operand.value, reads * float(machine.read_j[n]) + writes * float(machine.write_j[n])))
    energies += [("mac", "all", mac_j), ("leakage", "all", float(summary[_assess.STATIC_J]))]
    bound = int(summary[_assess.BOUND])
    return Replay(
        feasible=not reason,
        reason=reason,
        compute_cycles=cycles,
        stall_cycles=float(summary[_assess.STEADY]) - cycles,
        onload_cycles=float(summary[_assess.ONLOAD]),
        offload_cycles=float(summary[_assess.OFFLOAD]),
        total_cycles=float(summary[_assess.TOTAL]),
        bound="compute" if bound < 0 else f"{names[bound]} bandwidth",
        energy_j=float(summary[_assess.DYNAMIC_J] + summary[_assess.STATIC_J]),
        energy_by=tuple(energies),
        traffic_bits=tuple(rows),
    )

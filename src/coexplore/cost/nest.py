"""Problem, machine and nest: an op, an accelerator and a mapping as flat arrays for the kernels."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import DIMS, OPERANDS, Accelerator
from coexplore.cost.mapping import Mapping
from coexplore.workloads.op import Loops

DIM_INDEX = {dim: index for index, dim in enumerate(DIMS)}
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Problem(NamedTuple):
    """One op."""

    sizes: Ints
    """Extents of N G K C P Q R S."""
    window: Ints
    """Strides, then dilations, of the two image axes."""
    bits: Ints
    """Of weight, input, output and accumulator."""
    macs: int
    mac_j: float


class Machine(NamedTuple):
    """An accelerator: arrays over its levels `l`, per instance, and over its axes `a`, outermost first."""

    keeps: Flags
    """(l, 3)"""
    capacity_bits: Ints
    """-1 is unbounded."""
    double: Flags
    read_width: Floats
    """Bits per cycle; `inf` is unlimited."""
    write_width: Floats
    """0 means that writes share the read port."""
    read_j: Floats
    write_j: Floats
    static_j_per_cycle: float
    axis_level: Ints
    axis_size: Ints
    axis_dims: Flags
    """(a, 8)"""


DIM, FACTOR, BELOW, SPATIAL, LEVEL = range(5)
"""Columns of a nest's table: dimension (0 to 7 for N G K C P Q R S), iterations, extent of the tile below the loop on
its dimension, whether it is spatial, and its level (for a spatial loop the one above the fan-out)."""


class Nest(NamedTuple):
    """A mapping: its loops of more than one iteration, outermost first."""

    table: Ints
    """(i, 5) Columns DIM, FACTOR, BELOW, SPATIAL, LEVEL."""
    start: Ints
    """(l + 1,) Number of loops outside each level; the last entry counts all."""


def flatten(mapping: Mapping) -> Nest:
    """The nest of a mapping; loops of one iteration are dropped."""
    rows: list[tuple[int, int, int, int, int]] = []
    start = [0]
    for number, entry in enumerate(mapping.levels):
        rows += [(DIM_INDEX[loop.dim], loop.factor, 0, 0, number) for loop in entry.temporal if loop.factor > 1]
        rows += [(DIM_INDEX[loop.dim], loop.factor, 0, 1, number) for loop in entry.spatial if loop.factor > 1]
        start.append(len(rows))
    table = np.array(rows, np.int64).reshape(-1, 5)
    below = [1] * len(DIMS)
    for row in table[::-1]:
        row[BELOW] = below[row[DIM]]
        below[row[DIM]] *= int(row[FACTOR])
    return Nest(table, np.array(start, np.int64))


def problem_of(loops: Loops, accelerator: Accelerator) -> Problem:
    """An op as the kernels see it; a multiplier's energy grows with both operand widths."""
    bits = loops.bits
    return Problem(
        sizes=np.array([getattr(loops, dim.value) for dim in DIMS], np.int64),
        window=np.array([*loops.stride, *loops.dilation], np.int64),
        bits=np.array([bits.weight, bits.input, bits.output, bits.accumulator], np.int64),
        macs=loops.macs,
        mac_j=accelerator.mac.energy_j * bits.weight * bits.input / accelerator.mac.bits**2,
    )


@lru_cache(maxsize=4096)
def machine_of(accelerator: Accelerator) -> Machine:
    """An accelerator as the kernels see it."""
    levels = accelerator.levels
    axes = [(n, axis) for n, level in enumerate(levels) for axis in level.fanout]
    return Machine(
        keeps=np.array([[operand in level.keeps for operand in OPERANDS] for level in levels], np.bool_),
        capacity_bits=np.array([-1 if v.capacity_bytes is None else 8 * v.capacity_bytes for v in levels], np.int64),
        double=np.array([level.double_buffered for level in levels], np.bool_),
        read_width=np.array([np.inf if v.read_bytes_per_cycle is None else 8 * v.read_bytes_per_cycle for v in levels]),
        write_width=np.array([0.0 if v.write_bytes_per_cycle is None else 8 * v.write_bytes_per_cycle for v in levels]),
        read_j=np.array([level.read_j_per_bit for level in levels], np.float64),
        write_j=np.array([level.write_j_per_bit for level in levels], np.float64),
        static_j_per_cycle=accelerator.leakage_w / accelerator.clock_hz,
        axis_level=np.array([n for n, _ in axes], np.int64),
        axis_size=np.array([axis.size for _, axis in axes], np.int64),
        axis_dims=np.array([[dim in axis.dims for dim in DIMS] for _, axis in axes], np.bool_).reshape(-1, len(DIMS)),
    )

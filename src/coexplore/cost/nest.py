"""Problem, machine and nest: an op, an accelerator and a mapping as flat arrays for the kernels."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import DIMS, OPERANDS, Accelerator, MemoryLevel, Operand
from coexplore.cost.mapping import LevelMapping, Mapping
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
    resident: Ints
    """(3,) 1 for each operand that lives on chip: main memory neither reads nor writes it."""


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
    axis_alone: Ints
    """1 where an axis does not multicast."""
    axis_hop: Ints
    """Cycles from one instance to the next."""
    word_bits: Ints
    block_bits: Ints
    slots: Ints
    """Levels at which a mapper places loops: of levels side by side, the last one."""


DIM, FACTOR, BELOW, SPATIAL, LEVEL, ALONE, HOP = range(7)
"""Columns of a nest's table: dimension (0 to 7 for N G K C P Q R S), iterations, extent of the tile below the loop on
its dimension, whether it is spatial, and its level (for a spatial loop the one above the fan-out); for a spatial loop
also whether its instances read their own copies, and cycles from one of its instances to the next."""
COLUMNS = 7


class Nest(NamedTuple):
    """A mapping: its loops of more than one iteration, outermost first."""

    table: Ints
    """(i, COLUMNS)"""
    start: Ints
    """(l + 1,) Number of loops outside each level; the last entry counts all."""


def flatten(mapping: Mapping, accelerator: Accelerator) -> Nest:
    """The nest of a mapping that fits the accelerator; loops of one iteration are dropped."""
    rows: list[tuple[int, ...]] = []
    start = [0]
    for number, (entry, level) in enumerate(zip(mapping.levels, accelerator.levels, strict=True)):
        rows += [(DIM_INDEX[loop.dim], loop.factor, 0, 0, number, 0, 0) for loop in entry.temporal if loop.factor > 1]
        rows += _spatial_rows(number, entry, level)
        start.append(len(rows))
    table = np.array(rows, np.int64).reshape(-1, COLUMNS)
    below = [1] * len(DIMS)
    for row in table[::-1]:
        row[BELOW] = below[row[DIM]]
        below[row[DIM]] *= int(row[FACTOR])
    return Nest(table, np.array(start, np.int64))


def _spatial_rows(number: int, entry: LevelMapping, level: MemoryLevel) -> list[tuple[int, ...]]:
    """Rows of the spatial loops of one level; of two loops on one axis the outer one strides over the inner one."""
    axes = {axis.name: axis for axis in level.fanout}
    stride = dict.fromkeys(axes, 1)
    rows: list[tuple[int, ...]] = []
    for loop in reversed(entry.spatial):
        axis = axes[loop.axis]
        if loop.factor > 1:
            hop = axis.hop_cycles * stride[loop.axis]
            rows.append((DIM_INDEX[loop.dim], loop.factor, 0, 1, number, int(not axis.multicast), hop))
        stride[loop.axis] *= loop.factor
    return rows[::-1]


def side_by_side(levels: tuple[MemoryLevel, ...]) -> tuple[int, ...]:
    """The levels at which a mapper places loops.

    Consecutive levels that keep different operands, with no fan-out between them, stand side by side like the weight,
    input and output memories of one element: they hold the same tile, and only the last of them is listed.
    """
    slots: list[int] = []
    beside: set[Operand] = set()
    for number, level in enumerate(levels):
        if number > 0 and not levels[number - 1].fanout and beside.isdisjoint(level.keeps):
            slots.pop()
        else:
            beside = set()
        beside |= set(level.keeps)
        slots.append(number)
    return tuple(slots)


def problem_of(loops: Loops, accelerator: Accelerator) -> Problem:
    """An op as the kernels see it; a multiplier's energy grows with both operand widths."""
    bits = loops.bits
    return Problem(
        sizes=np.array([getattr(loops, dim.value) for dim in DIMS], np.int64),
        window=np.array([*loops.stride, *loops.dilation], np.int64),
        bits=np.array([bits.weight, bits.input, bits.output, bits.accumulator], np.int64),
        macs=loops.macs,
        mac_j=accelerator.mac.energy_j * bits.weight * bits.input / accelerator.mac.bits**2,
        resident=_resident(loops, accelerator),
    )


def _resident(loops: Loops, accelerator: Accelerator) -> Ints:
    """Only what some level on the chip keeps can live there."""
    on_chip = {operand for level in accelerator.levels[1:] for operand in level.keeps}
    return np.array([getattr(loops.resident, o.value) and o in on_chip for o in OPERANDS], np.int64)


def capacity_bits(level: MemoryLevel) -> int:
    """As in `Machine`."""
    return -1 if level.capacity_bytes is None else 8 * level.capacity_bytes


def port_widths(level: MemoryLevel) -> tuple[float, float]:
    """Bits read and written per cycle, as in `Machine`."""
    read, write = level.read_bytes_per_cycle, level.write_bytes_per_cycle
    return np.inf if read is None else 8 * read, 0.0 if write is None else 8 * write


@lru_cache(maxsize=4096)
def machine_of(accelerator: Accelerator) -> Machine:
    """An accelerator as the kernels see it."""
    levels = accelerator.levels
    axes = [(n, axis) for n, level in enumerate(levels) for axis in level.fanout]
    return Machine(
        keeps=np.array([[operand in level.keeps for operand in OPERANDS] for level in levels], np.bool_),
        capacity_bits=np.array([capacity_bits(level) for level in levels], np.int64),
        double=np.array([level.double_buffered for level in levels], np.bool_),
        read_width=np.array([port_widths(level)[0] for level in levels], np.float64),
        write_width=np.array([port_widths(level)[1] for level in levels], np.float64),
        read_j=np.array([level.read_j_per_bit for level in levels], np.float64),
        write_j=np.array([level.write_j_per_bit for level in levels], np.float64),
        static_j_per_cycle=accelerator.leakage_w / accelerator.clock_hz,
        axis_level=np.array([n for n, _ in axes], np.int64),
        axis_size=np.array([axis.size for _, axis in axes], np.int64),
        axis_dims=np.array([[dim in axis.dims for dim in DIMS] for _, axis in axes], np.bool_).reshape(-1, len(DIMS)),
        axis_alone=np.array([not axis.multicast for _, axis in axes], np.int64),
        axis_hop=np.array([axis.hop_cycles for _, axis in axes], np.int64),
        word_bits=np.array([level.word_bits for level in levels], np.int64),
        block_bits=np.array([level.block_bits for level in levels], np.int64),
        slots=np.array(side_by_side(levels), np.int64),
    )

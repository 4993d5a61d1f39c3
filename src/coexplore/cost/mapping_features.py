"""What is characteristic of a mapping? The numbers from which a linear model can tell a good one from a bad one.

Columns, each finite: by level of limited size and operand kept, which part of the level its tile takes; by axis the
logarithm of the part in use; by level the logarithm of its iterations; and by level and operand the logarithm of how
often the tile is brought in, which counts the loops outside it down to the innermost that moves the operand.

References:
    Shi2020: Z. Shi et al., arXiv 2010.02075 (features of the software GP, as recalled: buffer use by operand,
        parallelism, iterations by level).

Departures: how often a tile is brought in is ours; it says of the loop orders what a linear model can use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from coexplore.accelerators.accelerator import OPERANDS, Accelerator, Dim, Operand
from coexplore.cost.mapping import Loop, Mapping
from coexplore.cost.nest import side_by_side
from coexplore.cost.tile_room import Room
from coexplore.workloads.op import Loops

Reals = npt.NDArray[np.float64]
_MOVES = {
    Operand.WEIGHT: frozenset((Dim.G, Dim.K, Dim.C, Dim.R, Dim.S)),
    Operand.INPUT: frozenset((Dim.N, Dim.G, Dim.C, Dim.P, Dim.Q, Dim.R, Dim.S)),
    Operand.OUTPUT: frozenset((Dim.N, Dim.G, Dim.K, Dim.P, Dim.Q)),
}
"""Dimensions along which an operand changes."""


def features_of(loops: Loops, accelerator: Accelerator, mappings: Sequence[Mapping], room: Room) -> Reals:
    """(n, f) Features of mappings of one op on one accelerator."""
    rows = [
        [
            *_use_of_buffers(mapping, room),
            *_use_of_axes(mapping, accelerator),
            *_iterations(mapping, accelerator),
            *_visits(mapping, accelerator),
        ]
        for mapping in mappings
    ]
    return np.array(rows, np.float64).reshape(len(mappings), -1)


def _use_of_buffers(mapping: Mapping, room: Room) -> list[float]:
    tile: dict[Dim, int] = {}
    use: dict[int, list[float]] = {}
    limited = {level.number: level for level in room.levels}
    for number in reversed(range(len(mapping.levels))):
        for loop in mapping.levels[number].loops:
            tile[loop.dim] = tile.get(loop.dim, 1) * loop.factor
        if number in limited:
            level = limited[number]
            use[number] = [bits / level.capacity_bits for bits in room.used(level, tile)]
    return [part for number in sorted(use) for part in use[number]]


def _use_of_axes(mapping: Mapping, accelerator: Accelerator) -> list[float]:
    used: dict[str, int] = {}
    for entry in mapping.levels:
        for loop in entry.spatial:
            used[loop.axis] = used.get(loop.axis, 1) * loop.factor
    axes = [axis for level in accelerator.levels for axis in level.fanout]
    return [math.log2(used.get(axis.name, 1) / axis.size) for axis in axes]


def _iterations(mapping: Mapping, accelerator: Accelerator) -> list[float]:
    slots = side_by_side(accelerator.levels)
    return [math.log2(math.prod(loop.factor for loop in mapping.levels[slot].temporal)) for slot in slots]


def _visits(mapping: Mapping, accelerator: Accelerator) -> list[float]:
    """Per level inside main memory and operand it keeps: log2 of how often its tile is brought in."""
    found: list[float] = []
    outside: list[Loop] = []
    for number, level in enumerate(accelerator.levels):
        if number:
            found += [_brought_in(outside, operand) for operand in OPERANDS if operand in level.keeps]
        outside += mapping.levels[number].temporal
    return found


def _brought_in(outside: Sequence[Loop], operand: Operand) -> float:
    """Loops inside the innermost one that moves the operand find the tile in place."""
    count = len(outside)
    while count and outside[count - 1].dim not in _MOVES[operand]:
        count -= 1
    return math.log2(math.prod(loop.factor for loop in outside[:count]))

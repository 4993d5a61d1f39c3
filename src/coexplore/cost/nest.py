"""Nest: a mapping as flat arrays for the kernels, outermost loop first, loops of one iteration dropped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import DIMS, OPERANDS, Accelerator
from coexplore.cost.mapping import Mapping
from coexplore.workloads.op import Loops

DIM_INDEX = {dim: index for index, dim in enumerate(DIMS)}
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Nest:
    """Arrays over the `i` loops of a nest; `start[l]` is the number of loops outside level `l`, `start[L]` all loops."""

    dim: Ints
    factor: Ints
    weight: Ints
    spatial: Flags
    level: Ints
    start: Ints


def flatten(mapping: Mapping) -> Nest:
    """The nest of a mapping."""
    rows: list[tuple[int, int, bool, int]] = []
    start = [0]
    for number, entry in enumerate(mapping.levels):
        rows += [(DIM_INDEX[loop.dim], loop.factor, False, number) for loop in entry.temporal if loop.factor > 1]
        rows += [(DIM_INDEX[loop.dim], loop.factor, True, number) for loop in entry.spatial if loop.factor > 1]
        start.append(len(rows))
    weights = [1] * len(rows)
    below = [1] * len(DIMS)
    for i in range(len(rows) - 1, -1, -1):
        weights[i] = below[rows[i][0]]
        below[rows[i][0]] *= rows[i][1]
    table = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    return Nest(
        dim=np.ascontiguousarray(table[:, 0]),
        factor=np.ascontiguousarray(table[:, 1]),
        weight=np.array(weights, np.int64),
        spatial=np.array([row[2] for row in rows], np.bool_),
        level=np.array([row[3] for row in rows], np.int64),
        start=np.array(start, np.int64),
    )


def sizes_of(loops: Loops) -> Ints:
    """Extents of the eight dimensions."""
    return np.array([getattr(loops, dim.value) for dim in DIMS], np.int64)


def window_of(loops: Loops) -> Ints:
    """Strides, then dilations, of the two image axes."""
    return np.array([*loops.stride, *loops.dilation], np.int64)


def keeps_of(accelerator: Accelerator) -> Flags:
    """Which level keeps which operand, (levels, 3)."""
    return np.array([[operand in level.keeps for operand in OPERANDS] for level in accelerator.levels], np.bool_)

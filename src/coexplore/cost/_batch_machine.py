"""Which constants of an accelerator do the kernels over many mappings need? Tables, filled once per batch."""

from __future__ import annotations

import math

import numpy as np

from coexplore.cost._assess import in_words
from coexplore.cost._batch_traffic import Width
from coexplore.cost._compile import inner, maker
from coexplore.cost.nest import Flags, Floats, Ints, Machine, Problem

# Columns of `tabulate_levels`.
READ_WIDTH, READ_INVERSE, WRITE_WIDTH, WRITE_INVERSE, CAPACITY, COPIES, BLOCK, READ_J, WRITE_J, WORDS = range(10)
LEVEL_COLUMNS = 14
# Columns of `tabulate_axes`.
AXIS_LEVEL, SIZE, HOP, ALONE, MOST = range(5)
AXIS_COLUMNS = 12


@maker
def next_homes(keeps: Flags) -> Ints:
    """(levels, 3) The next level inward that keeps an operand; the number of levels when there is none."""
    levels = keeps.shape[0]
    found = np.full((levels, 3), levels, np.int64)
    for n in range(levels - 2, -1, -1):
        for operand in range(3):
            found[n, operand] = n + 1 if keeps[n + 1, operand] else found[n + 1, operand]
    return found


@inner
def _inverse(bits: float) -> float:
    """See `Width.inverse`."""
    if bits == 0.0 or bits == np.inf:
        return 0.0
    return 1.0 / bits if math.frexp(bits)[0] == 0.5 else -1.0


@maker
def tabulate_levels(problem: Problem, machine: Machine) -> Floats:
    """The constants of each level, and the words that an element of each of the op's four widths takes there."""
    table = np.empty((machine.keeps.shape[0], LEVEL_COLUMNS))
    for n in range(table.shape[0]):
        table[n, READ_WIDTH], table[n, READ_INVERSE] = machine.read_width[n], _inverse(machine.read_width[n])
        table[n, WRITE_WIDTH], table[n, WRITE_INVERSE] = machine.write_width[n], _inverse(machine.write_width[n])
        table[n, CAPACITY] = np.inf if machine.capacity_bits[n] < 0 else float(machine.capacity_bits[n])
        table[n, COPIES] = 2.0 if machine.double[n] else 1.0
        table[n, BLOCK] = float(machine.block_bits[n])
        table[n, READ_J], table[n, WRITE_J] = machine.read_j[n], machine.write_j[n]
        for i in range(4):
            table[n, WORDS + i] = float(in_words(problem.bits[i], machine.word_bits[n]))
    return table


@maker
def tabulate_axes(machine: Machine) -> Floats:
    """The constants of each axis, and the largest legal factor of each dimension on it."""
    table = np.ones((machine.axis_size.size, AXIS_COLUMNS))
    for axis in range(table.shape[0]):
        table[axis, AXIS_LEVEL], table[axis, SIZE] = float(machine.axis_level[axis]), float(machine.axis_size[axis])
        table[axis, HOP], table[axis, ALONE] = float(machine.axis_hop[axis]), float(machine.axis_alone[axis])
        for d in range(8):
            if machine.axis_dims[axis, d]:
                table[axis, MOST + d] = table[axis, SIZE]
    return table


@inner
def port(table: Floats, n: int, writes: bool) -> Width:
    """The port of a level for reads or for writes, which may be one."""
    if writes and table[n, WRITE_WIDTH] > 0.0:
        return Width(table[n, WRITE_WIDTH], table[n, WRITE_INVERSE])
    return Width(table[n, READ_WIDTH], table[n, READ_INVERSE])

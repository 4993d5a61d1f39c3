"""Where does a search keep its numbers? One sheet of rows of eight: kernels are cheap to call with one array only.

A row is about the eight dimensions, one level, one axis, one boundary between a level and its parent, or one slot. A
sheet is filled in three steps: what the op and the structure of the accelerator fix (`new_sheet`), what an unrolling
fixes (`_unrolled`), and the tiles in hand (`_solve`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._assess import ACCUMULATOR_BITS, in_words
from coexplore.cost._compile import inner, maker
from coexplore.cost._kernels import OUTPUT, RELEVANT, R, S
from coexplore.cost._resident import instances_of
from coexplore.cost.nest import Ints, Machine, Problem

PER_AXIS = 2
"""Dimensions that an axis unrolls at most; each has a row, and the first strides over the instances of the second."""
PICK, USE, AT_LEVEL, IS_ALONE, HOPS, AT_SLOT, HOP = range(7)
"""Columns of an axis: the dimension it unrolls or NONE, by how many instances, its level, whether it does not
multicast, cycles between the instances of the row, its slot, and cycles between instances of the axis."""
OPERAND, INNER, PARENT, SLOT, HOME, POOL = range(6)
"""Columns of a boundary: operand, level, its parent, slot of the level, whether it is the innermost one, and of how
many instances the pool consists in which the operand lives, 0 if that is the parent."""
ABOVE, ABOVE_FINISHED, BELOW, BELOW_HELD, FIRST_ABOVE, FIRST_BELOW, FIXED, TILE = range(8)
"""Columns of widths: bits of an element in the parent and in the level; for outputs as partial sums, as finished ones,
as held, and as the first and last tiles move. Then elements that an unrolling fixes, and elements of the tile."""
BEGIN, END, ORDER, LISTED, AT_TILE = range(5)
"""Columns of a slot: its levels, its loop order, its number of tiles, and the one in hand."""
BIT_WIDTHS, DOUBLE, BLOCK, LARGEST = 0, 3, 4, 5
"""Columns of a level: bits of an element of each operand, double buffering, bits of a block, capacity."""
NONE = -1
"""An axis that unrolls nothing."""


class At(NamedTuple):
    """Where rows are, and how many there are. Of the dimensions: sizes to ragged; per slot: inner to slot."""

    levels: int
    slots: int
    axes: int
    boundaries: int
    window: int
    """Row of strides and dilations, then whether neighbouring outputs share inputs, whether any size is overrun, and
    whether some operand lives on chip."""
    whole: int
    """Steps that the loops of a dimension run in all."""
    overruns: int
    """1 where the factors of a dimension overrun it."""
    ragged: int
    frozen: int
    inner: int
    """Extents that the axes from a slot inwards unroll."""
    own: int
    """What one instance of a slot works on, where all factors divide."""
    steps: int
    """Tiles."""
    loops: int
    extent: int
    slot: int
    level: int
    axis: int
    boundary: int
    by_slot: int
    """Per slot: begin and end in `listing`."""
    listing: int
    """Boundaries by slot."""
    free: int
    """Per boundary: instances that each way of counting sees, where factors divide."""
    first: int
    """Per boundary: distinct outputs."""
    widths: int
    moves: int
    """Per boundary, columns as in `_counts`."""
    rows: int


@maker
def lay_out(levels: int, slots: int, axes: int, boundaries: int) -> At:
    """The places of all rows; the sizes of the op are row 0."""
    inner = 6
    own = inner + slots + 1
    steps = own + slots + 1
    loops = steps + slots + 1
    extent = loops + slots + 1
    slot = extent + slots + 1
    level = slot + slots
    axis = level + levels
    boundary = axis + axes
    by_slot = boundary + boundaries
    listing = by_slot + slots
    free = listing + boundaries
    first = free + boundaries
    widths = first + boundaries
    moves = widths + boundaries
    return At(
        levels, slots, axes, boundaries, 1, 2, 3, 4, 5, inner, own, steps, loops, extent, slot, level, axis,
        boundary, by_slot, listing, free, first, widths, moves, moves + boundaries,
    )  # fmt: skip


@maker
def new_sheet(problem: Problem, machine: Machine, largest: Ints) -> tuple[Ints, At]:
    """A sheet with what an op and the structure of an accelerator fix; `largest` are capacities in bits per level."""
    levels, slots = machine.keeps.shape[0], machine.slots.size
    kept = machine.keeps[1:].sum()
    at = lay_out(levels, slots, PER_AXIS * machine.axis_level.size, kept)
    w = np.zeros((at.rows, 8), np.int64)
    w[0] = problem.sizes
    w[at.window, :4] = problem.window
    w[at.window, 4] = problem.sizes[R] > 1 or problem.sizes[S] > 1
    for s in range(slots):
        w[at.slot + s, BEGIN] = machine.slots[s - 1] + 1 if s > 0 else 0
        w[at.slot + s, END] = machine.slots[s] + 1
    for n in range(levels):
        for operand in range(3):
            if machine.keeps[n, operand]:
                width = problem.bits[ACCUMULATOR_BITS if operand == OUTPUT else operand]
                w[at.level + n, BIT_WIDTHS + operand] = in_words(width, machine.word_bits[n])
        w[at.level + n, DOUBLE], w[at.level + n, BLOCK] = machine.double[n], machine.block_bits[n]
        w[at.level + n, LARGEST] = largest[n]
    for a in range(at.axes):
        row = w[at.axis + a]
        axis = a // PER_AXIS
        row[AT_LEVEL], row[IS_ALONE], row[HOP] = (
            machine.axis_level[axis],
            machine.axis_alone[axis],
            machine.axis_hop[axis],
        )
        while machine.slots[row[AT_SLOT]] < machine.axis_level[axis]:
            row[AT_SLOT] += 1
    _list_boundaries(machine, w, at)
    for b in range(at.boundaries):
        row = w[at.boundary + b]
        if row[PARENT] == 0 and problem.resident[row[OPERAND]]:
            row[POOL] = instances_of(row[INNER], machine)
            w[at.window, 6] = 1
    return w, at


@inner
def _list_boundaries(machine: Machine, w: Ints, at: At) -> None:
    """Operand by operand, from the outside inwards."""
    found = 0
    for operand in range(3):
        parent, begin = 0, found
        for level in range(1, at.levels):
            if machine.keeps[level, operand]:
                row = w[at.boundary + found]
                row[OPERAND], row[INNER], row[PARENT] = operand, level, parent
                while machine.slots[row[SLOT]] < level:
                    row[SLOT] += 1
                parent = level
                found += 1
        if found > begin:
            w[at.boundary + found - 1, HOME] = 1
    found = 0
    for s in range(at.slots):
        w[at.by_slot + s, 0] = found
        for b in range(at.boundaries):
            if w[at.boundary + b, SLOT] == s:
                w[at.listing + found, 0] = b
                found += 1
        w[at.by_slot + s, 1] = found


@inner
def home_of(operand: int, w: Ints, at: At) -> int:
    """The innermost level that keeps an operand."""
    for b in range(at.boundaries):
        if w[at.boundary + b, OPERAND] == operand and w[at.boundary + b, HOME] == 1:
            level: int = w[at.boundary + b, INNER]
            return level
    return 0


@inner
def is_pinned(way: int, a: int, d: int, operand: int, parent: int, w: Ints, at: At) -> bool:
    """Whether an axis that unrolls `d` stays at instance 0 in a way of counting."""
    if way == EVERY or way == ONE:
        return way == ONE
    above = w[at.axis + a, AT_LEVEL] < parent
    shares = not above and not RELEVANT[operand, d] and (operand == OUTPUT or w[at.axis + a, IS_ALONE] == 0)
    return shares or (above and way == ONE_PARENT)


EVERY, SHARED, ONE_PARENT, ONE = range(4)
"""Ways of counting: all instances, those that share data once, under one parent, of one instance."""


@inner
def pinned_instances(b: int, way: int, d: int, w: Ints, at: At) -> int:
    """Instances of which a way of counting sees only one, along a dimension, outside the level of a boundary."""
    total, operand, parent = 1, w[at.boundary + b, OPERAND], w[at.boundary + b, PARENT]
    for a in range(at.axes):
        outside = w[at.axis + a, PICK] == d and w[at.axis + a, AT_LEVEL] < w[at.boundary + b, INNER]
        if outside and is_pinned(way, a, d, operand, parent, w, at):
            total *= w[at.axis + a, USE]
    return total

"""Where does the search over PE arrays keep its numbers? One sheet of rows; what unrollings and tiles enter there."""

from __future__ import annotations

import numpy as np

from coexplore.cost._assess import ACCUMULATOR_BITS
from coexplore.cost._compile import inner, maker
from coexplore.cost._exact import tile_elements
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, WEIGHT, C, K, N, P, Q, R, S
from coexplore.cost._resident import instances_of
from coexplore.cost._sheet import NONE
from coexplore.cost._tiles import ORDERS
from coexplore.cost.nest import Ints, Machine, Problem

SIZE, MESH, SLICE, LANES, UNITS, DOT, STEPS, OUTER, MIDDLE, INNER, OWN, TILE, LANE, UNIT, SEEN, REACH = range(16)
"""Rows of a sheet, over dimensions: extents of the op; instances of the mesh; what one element works on; lanes; units
of a lane; inner products; steps left; iterations at main memory, at the local memory and at the file; tiles of the two;
what the busiest lane and unit work on; scratch."""
ORDER, MANY, STAY, FLAGS, WINDOW, BITS = range(16, 22)
"""Rows over the three levels with loops: order of the loops, dimensions with more than one iteration and loops that
leave an operand in place, as bits. Then flags, strides and dilations, and widths."""
FIXED, MOVES, TRAFFIC, MULTIPLIERS, ROWS = 22, 25, 33, 37, 42
"""First rows of what an unrolling fixes by operand, of the moves of boundaries, of bits by level (columns as in
`_entry`), and of the bits among them that the multipliers move."""
POOLS = 41
"""By operand: instances of the local memory if it lives there, else 0; then the elements of all of it."""
COLUMNS = 12
LEVELS, SLOTS, BOUNDARIES = 4, 3, 8
"""Boundaries are those of weights at the three slots, of inputs at two, of outputs at three."""
ALL, SHARED, ONE_PARENT, ONE, FIRST_SHARED, FIRST_ONE_PARENT, FIRST_ONE, STEP, HELD = range(9)
"""Columns of the moves of a boundary: as in `_counts`; what the first tiles under one parent hold, and one tile."""


def _masks() -> tuple[Ints, Ints]:
    """Dimensions on which an operand depends, as bits; and which loops of a level leave it in place.

    The second by order of the loops, operand, and bits of the dimensions with more than one iteration.
    """
    relevant = np.array([sum(1 << d for d in range(8) if RELEVANT[operand, d]) for operand in range(3)], np.int64)
    frozen = np.zeros((len(ORDERS), 3, 256), np.int64)
    for order, dims in enumerate(ORDERS):
        for operand in range(3):
            for mask in range(256):
                for d in dims[::-1]:
                    if mask >> d & 1:
                        if RELEVANT[operand, d]:
                            break
                        frozen[order, operand, mask] |= 1 << d
    return relevant, frozen


RELEVANT_BITS, FROZEN = _masks()


WHOLE, SLICED, OF_LANE, OF_UNIT, LANES_NOT, MESH_NOT = range(6)
"""Columns of what an unrolling fixes: products over the dimensions an operand depends on (images apart, for inputs) of
the op's extents, of the slices, and of what one lane and one unit work on; then of lanes and mesh over those it does
not depend on."""
FREE = np.array([[N, P, Q], [K, K, K], [C, R, S]])
"""Dimensions an operand does not depend on."""
FREE_COUNT = np.array([3, 1, 3])
SLIDES, UNEVEN, REDUCES, REDUCES_LANES = range(4)


@maker
def make_sheet(problem: Problem, machine: Machine) -> Ints:
    """A sheet, with the op filled in; kernels are cheap to call with one array only."""
    w = np.ones((ROWS, COLUMNS), np.int64)
    w[SIZE, :8] = problem.sizes
    w[WINDOW, :4], w[BITS, :4] = problem.window, problem.bits
    w[FLAGS] = 0
    w[FLAGS, SLIDES] = problem.sizes[R] > 1 or problem.sizes[S] > 1
    for operand in range(3):
        w[POOLS, operand] = instances_of(1, machine) if problem.resident[operand] else 0
        w[POOLS, 3 + operand] = tile_elements(operand, problem.sizes, problem.sizes, problem.window)
    return w


@inner
def unroll_array(pick: Ints, use: Ints, macs: int, machine: Machine, w: Ints) -> int:
    """Enter an unrolling. Returns the cycles in which the array computes."""
    for row in (MESH, LANES, UNITS, DOT):
        for d in range(8):
            w[row, d] = 1
    for a in range(pick.size):
        if pick[a] != NONE:
            w[MESH if machine.axis_level[a] == 0 else MESH + 1 + machine.axis_level[a], pick[a]] *= use[a]
    cycles = 1
    w[FLAGS, UNEVEN] = w[FLAGS, REDUCES] = w[FLAGS, REDUCES_LANES] = 0
    for d in range(8):
        w[SLICE, d] = -(-w[SIZE, d] // w[MESH, d])
        spread = w[LANES, d] * w[UNITS, d] * w[DOT, d]
        w[STEPS, d] = -(-w[SLICE, d] // spread)
        cycles *= w[STEPS, d]
        w[LANE, d] = w[STEPS, d] if w[SLICE, d] % w[LANES, d] else w[SLICE, d] // w[LANES, d]
        w[UNIT, d] = w[STEPS, d] if w[LANE, d] % w[UNITS, d] else w[LANE, d] // w[UNITS, d]
        w[FLAGS, UNEVEN] |= w[UNIT, d] * w[UNITS, d] * w[LANES, d] * w[MESH, d] != w[SIZE, d]
        if d == C or d >= R:
            w[FLAGS, REDUCES] |= w[MESH, d] > 1
            w[FLAGS, REDUCES_LANES] |= w[LANES, d] > 1
    for operand in range(3):
        k = FIXED + operand
        for column in range(6):
            w[k, column] = 1
        for d in range(8):
            if not RELEVANT[operand, d]:
                w[k, LANES_NOT] *= w[LANES, d]
                w[k, MESH_NOT] *= w[MESH, d]
            elif operand != INPUT or d < P:
                w[k, WHOLE] *= w[SIZE, d]
                w[k, SLICED] *= w[SLICE, d]
                w[k, OF_LANE] *= w[LANE, d]
                w[k, OF_UNIT] *= w[UNIT, d]
    _fix_array(macs, w)
    return cycles


@inner
def _fix_array(macs: int, w: Ints) -> None:
    """What the multipliers read and write."""
    t = MULTIPLIERS
    w[t : t + LEVELS] = 0
    one = sums = own_sums = lane = 1
    for d in range(8):
        one *= w[UNIT, d]
        lane *= w[UNIT, d] if d == K else w[LANE, d]
        own_sums *= w[STEPS, d]
        if w[DOT, d] == 1:
            sums *= w[SIZE, d]
        elif w[SLICE, d] * w[MESH, d] == w[SIZE, d]:
            sums *= w[MESH, d] * w[STEPS, d]
        else:
            sums *= -(-w[SIZE, d] // w[DOT, d])
    # Units that work on other channels share their inputs.
    shared = w[STEPS, K] * w[MESH, K] * w[LANES, K] if w[UNITS, K] > 1 else w[SIZE, K]
    w[t + 3, 0] += macs * w[BITS, WEIGHT]
    w[t + 3, 2] += one * w[BITS, WEIGHT]
    w[t + 2, 4] += macs // w[SIZE, K] * shared * w[BITS, INPUT]
    w[t + 2, 6] += lane * w[BITS, INPUT]
    wide, k = w[BITS, ACCUMULATOR_BITS], 4 * OUTPUT
    w[t + 3, k] += sums * wide
    w[t + 3, k + 1] += sums * wide
    w[t + 3, k + 2] += own_sums * wide
    w[t + 3, k + 3] += own_sums * wide


@inner
def note_part(w: Ints) -> None:
    """Tiles of the local memory, after the iterations of main memory are filled in."""
    w[MANY, 0] = 0
    for d in range(8):
        w[OWN, d] = w[SLICE, d] // w[OUTER, d]
        w[MANY, 0] |= (w[OUTER, d] > 1) << d


@inner
def note_tile(w: Ints) -> None:
    """Tiles of the file, after the iterations of local memory and file are filled in."""
    w[MANY, 1] = w[MANY, 2] = 0
    for d in range(8):
        # Units and inner products may leave something over.
        w[TILE, d] = min(w[INNER, d] * w[UNITS, d] * w[DOT, d], w[OWN, d])
        w[MANY, 1] |= (w[MIDDLE, d] > 1) << d
        w[MANY, 2] |= (w[INNER, d] > 1) << d


@inner
def note_stay(operand: int, slot: int, w: Ints) -> None:
    """Note which loops outside a slot leave an operand in place."""
    w[STAY, 0] = w[STAY, 1] = w[STAY, 2] = 0
    for i in range(slot, -1, -1):
        many = w[MANY, i]
        w[STAY, i] = FROZEN[w[ORDER, i], operand, many]
        if many & RELEVANT_BITS[operand]:
            break


@inner
def stay_as_long_as_possible(always: bool, w: Ints) -> None:
    """The same for any order of loops: at best, or if another operand stays instead."""
    w[STAY, 0] = w[STAY, 1] = w[STAY, 2] = -1 if always else 0


@inner
def is_ragged(operand: int, slot: int, w: Ints) -> bool:
    """Whether an operand may stay in the last instances of an uneven split where it does not in the others."""
    clipped = False
    for i in range(slot, -1, -1):
        order = w[ORDER, i]
        for position in range(7, -1, -1):
            d = ORDERS[order, position]
            if w[OUTER + i, d] == 1:
                continue
            slides = operand == INPUT and w[FLAGS, SLIDES] and d >= P
            if clipped and (slides or not RELEVANT[operand, d]):
                return True
            if RELEVANT[operand, d]:
                ragged = _runs_once(d, slot, w)
                clipped = clipped or ragged
                if not (ragged or slides):
                    return False
    return False


@inner
def _runs_once(d: int, slot: int, w: Ints) -> bool:
    """Whether a loop of an unevenly split dimension, outside a slot, runs once in some instance, but not in all."""
    inside = w[UNITS, d] * w[LANES, d] * w[MESH, d]
    rest, below = w[SIZE, d], w[UNIT, d] * inside
    for i in range(slot + 1):
        loops = w[OUTER + i, d]
        below //= loops
        if rest == below * loops:
            return False
        if loops > 1:
            times = (rest + below - 1) // below
            last = rest - (times - 1) * below
            if times == 1 or (times == 2 and last < below and inside > 1):
                return True
            rest = last
        use = w[MESH, d] if i == 0 else w[LANES, d] if i == 1 else w[UNITS, d]
        inside //= use
        below //= use
        rest -= (rest - 1) // below * below
    return False

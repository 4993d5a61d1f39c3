"""How much moves between two memories under given tiles? The counts of `_counts`, from closed forms alone.

Where all factors divide, every instance does the same: what one instance sees is multiplied by the instances. Along a
dimension whose factors overrun it, full and clipped blocks are followed from the outside inwards (`visits`). Mappings
under which a clipped tile may stay where a full one would not (`is_ragged`) have no closed form and are no candidates.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._compile import inner, maker
from coexplore.cost._counts import FIRST_ONE, FIRST_ONE_PARENT, FIRST_SHARED, STEP_ONE_PARENT
from coexplore.cost._exact import count_exactly, make_tally, tile_elements
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, K, P, Q, R, S
from coexplore.cost._sheet import (
    AT_LEVEL,
    AT_SLOT,
    END,
    EVERY,
    FIXED,
    IS_ALONE,
    NONE,
    ONE,
    ONE_PARENT,
    OPERAND,
    ORDER,
    PARENT,
    PICK,
    SHARED,
    SLOT,
    TILE,
    USE,
    At,
    is_pinned,
)
from coexplore.cost._tiles import ORDERS
from coexplore.cost.nest import ALONE, BELOW, COLUMNS, DIM, FACTOR, LEVEL, SPATIAL, Ints, Problem

COLUMN = np.array([0, 1, 3, 2])
"""Of the ways of counting, in `moves`."""
FIRSTS = np.array([0, FIRST_SHARED, FIRST_ONE_PARENT, FIRST_ONE])
ALL_LOOPS = -1
"""As a mask: every temporal loop stands at its first iteration."""


@inner
def is_ragged(d: int, stop: int, w: Ints, at: At) -> bool:
    """Whether a loop of `d` outside a slot runs once in some clipped block or instance, and more often elsewhere."""
    rest = w[0, d]
    for i in range(stop):
        below = w[at.steps + i + 1, d] * w[at.inner + i, d]
        loops = w[at.loops + i, d]
        if rest == below * loops:
            return False
        if loops > 1:
            times = (rest + below - 1) // below
            last = rest - (times - 1) * below
            if times == 1 or (times == 2 and last < below and w[at.inner + i, d] > 1):
                return True
            rest = last
        for a in range(at.axes):
            if w[at.axis + a, PICK] == d and w[at.axis + a, AT_SLOT] == i:
                below //= w[at.axis + a, USE]
                rest -= (rest - 1) // below * below
    return False


@inner
def visits(d: int, stop: int, way: int, operand: int, parent: int, frozen: int, w: Ints, at: At) -> tuple[int, int]:
    """Tiles of `d` at slot `stop` that a way of counting sees, and the sum of their extents.

    Loops at slots whose bit is set in `frozen` stand at their first iteration.
    """
    full, rest = 0, w[0, d]
    for i in range(stop):
        below = w[at.steps + i + 1, d] * w[at.inner + i, d]
        loops = w[at.loops + i, d]
        if loops > 1 and not (frozen >> i) & 1:
            full, rest = full * loops + rest // below, rest % below
        elif rest >= below:
            full, rest = full + 1, 0
        for a in range(at.axes):
            if w[at.axis + a, PICK] == d and w[at.axis + a, AT_SLOT] == i:
                use = w[at.axis + a, USE]
                below //= use
                if not is_pinned(way, a, d, operand, parent, w, at):
                    full, rest = full * use + rest // below, rest % below
                elif rest >= below:
                    full, rest = full + 1, 0
    extent = w[at.steps + stop, d] * w[at.inner + stop, d]
    if rest >= extent:
        full, rest = full + rest // extent, 0
    return full + (1 if rest > 0 else 0), full * extent + rest


@inner
def count_boundary(b: int, w: Ints, at: At) -> bool:
    """Fill the moves and the tile of a boundary. False where a clipped tile may stay: there is no closed form."""
    operand, slot = w[at.boundary + b, OPERAND], w[at.boundary + b, SLOT]
    window = w[at.window, 4]
    sliding = operand == INPUT and window == 1
    if sliding and (w[at.overruns, P] or w[at.overruns, Q] or w[at.overruns, R] or w[at.overruns, S]):
        _count_windows(b, w, at)
        return True
    if not _freeze(operand, slot, sliding, w, at):
        return False
    one, step, tile = w[at.widths + b, FIXED], 1, 1
    for d in range(8):
        size = w[0, d]
        if size == 1:
            continue
        overruns, extent = w[at.overruns, d], w[at.extent + slot, d]
        if not RELEVANT[operand, d]:
            if not sliding and not overruns:
                reps, frozen = 1, w[at.frozen, d]
                for i in range(slot):
                    if not (frozen >> i) & 1:
                        reps *= w[at.loops + i, d]
                one *= reps
        elif operand != INPUT or d < P:
            tile *= min(extent, size)
            if not overruns:
                step *= extent
        elif not window:
            stride = w[at.window, d - P]
            tile *= stride * (min(extent, size) - 1) + 1
            if not overruns:
                box = stride * (extent - 1) + 1
                one *= w[at.own + slot, d] // extent * box
                step *= box
    m, free = at.moves + b, at.free + b
    if sliding:
        for axis in range(2):
            box = _box(axis, slot, w, at)
            tile *= box
            step *= box
        seen = _slide(b, EVERY, w, at)
        for way in range(4):
            if way > EVERY and w[at.overruns, K]:
                seen = _slide(b, way, w, at)
            w[m, COLUMN[way]] = one * w[free, way] * seen
    else:
        for way in range(4):
            w[m, COLUMN[way]] = one * w[free, way]
    w[at.widths + b, TILE] = tile
    w[m, STEP_ONE_PARENT] = step * w[free, ONE_PARENT]
    if operand == OUTPUT:
        for way in range(1, 4):
            w[m, FIRSTS[way]] = w[at.first + b, way]
    if w[at.window, 5]:
        _overrun(b, sliding, w, at)
    return True


@maker
def _count_windows(b: int, w: Ints, at: At) -> None:
    """The same for inputs under ragged windows, which overlap without closed form, by the kernels of a replay."""
    slot, rows = w[at.boundary + b, SLOT], 0
    table = np.zeros((8 * at.slots + at.axes + 8, COLUMNS), np.int64)
    for i in range(slot):
        for position in range(8):
            d = ORDERS[w[at.slot + i, ORDER], position]
            if w[at.loops + i, d] > 1:
                table[rows, DIM], table[rows, FACTOR], table[rows, LEVEL] = (
                    d,
                    w[at.loops + i, d],
                    w[at.slot + i, END] - 1,
                )
                rows += 1
        for a in range(at.axes):
            if w[at.axis + a, AT_SLOT] == i and w[at.axis + a, PICK] != NONE:
                table[rows, DIM], table[rows, FACTOR] = w[at.axis + a, PICK], w[at.axis + a, USE]
                table[rows, LEVEL], table[rows, ALONE] = w[at.axis + a, AT_LEVEL], w[at.axis + a, IS_ALONE]
                table[rows, SPATIAL] = 1
                rows += 1
    tally = make_tally(rows + 8)
    stop = rows
    for d in range(8):
        tally.extent[d], tally.divides[d] = w[at.extent + slot, d], w[at.overruns, d] == 0
        if w[at.extent + slot, d] > 1:
            table[rows, DIM], table[rows, FACTOR] = d, w[at.extent + slot, d]
            rows += 1
    below = np.ones(8, np.int64)
    for i in range(rows - 1, -1, -1):
        table[i, BELOW] = below[table[i, DIM]]
        below[table[i, DIM]] *= table[i, FACTOR]
    problem = Problem(w[0], w[at.window], w[0], 0, 0.0, w[0])
    count_exactly(INPUT, w[at.boundary + b, PARENT], stop, problem, table[:rows], tally, w[at.moves + b])
    w[at.widths + b, TILE] = tile_elements(INPUT, tally.extent, w[0], w[at.window])


@inner
def _freeze(operand: int, slot: int, sliding: bool, w: Ints, at: At) -> bool:
    """Note the loops under which the operand stays; False where a clipped tile might stay under others, too."""
    for d in range(8):
        w[at.frozen, d] = 0
    stays, clipped = True, False
    for i in range(slot - 1, -1, -1):
        order = w[at.slot + i, ORDER]
        for position in range(7, -1, -1):
            d = ORDERS[order, position]
            if w[at.loops + i, d] == 1:
                continue
            slides = sliding and d >= P
            if clipped and (slides or not RELEVANT[operand, d]):
                return False
            if RELEVANT[operand, d]:
                stays, clipped = False, clipped or w[at.ragged, d] == 1
                if not (w[at.ragged, d] or slides):
                    return True
            elif stays:
                w[at.frozen, d] |= 1 << i
    return True


@inner
def _overrun(b: int, sliding: bool, w: Ints, at: At) -> None:
    """Multiply the moves of a boundary by what is seen along the dimensions whose factors overrun them."""
    operand, slot, parent = w[at.boundary + b, OPERAND], w[at.boundary + b, SLOT], w[at.boundary + b, PARENT]
    m = at.moves + b
    for d in range(8):
        if not w[at.overruns, d]:
            continue
        stride = w[at.window, d - P] if operand == INPUT and P <= d < R else 1
        relevant = RELEVANT[operand, d]
        for way in range(4):
            extents = 0
            if relevant or not sliding:
                frozen = 0 if relevant else w[at.frozen, d]
                tiles, extents = visits(d, slot, way, operand, parent, frozen, w, at)
                w[m, COLUMN[way]] *= stride * (extents - tiles) + tiles if relevant else tiles
            if way == ONE_PARENT or (operand == OUTPUT and way != EVERY):
                first, firsts = visits(d, slot, way, operand, parent, ALL_LOOPS, w, at)
                if way == ONE_PARENT:
                    w[m, STEP_ONE_PARENT] *= stride * (firsts - first) + first if relevant else first
                if operand == OUTPUT:
                    w[m, FIRSTS[way]] *= extents if relevant else first


@inner
def _box(axis: int, slot: int, w: Ints, at: At) -> int:
    """Rows (or columns) of an input tile."""
    e, f = w[at.extent + slot, P + axis], w[at.extent + slot, R + axis]
    rows: int = w[at.window, axis] * (e - 1) + w[at.window, 2 + axis] * (f - 1) + 1
    return rows


@maker
def _slide(b: int, way: int, w: Ints, at: At) -> int:
    """Windows that one instance fetches, over the loops of filters: all it visits less what stays as they slide."""
    slot = w[at.boundary + b, SLOT]
    frozen = 0
    filters = _filters(b, way, frozen, w, at)
    total = filters
    for axis in range(2):
        p, r = P + axis, R + axis
        total *= w[at.own + slot, p] // w[at.extent + slot, p] * (w[at.own + slot, r] // w[at.extent + slot, r])
        total *= _box(axis, slot, w, at)
    inside, reach = np.ones(8, np.int64), np.zeros(8, np.int64)
    for i in range(slot - 1, -1, -1):
        order = w[at.slot + i, ORDER]
        for position in range(7, -1, -1):
            own = ORDERS[order, position]
            factor = w[at.loops + i, own]
            if factor == 1:
                continue
            if own < P and own != K:
                return total
            kept = filters
            if own == K:
                frozen |= 1 << i
                filters = _filters(b, way, frozen, w, at)
                kept -= filters
            below = w[at.steps + i + 1, own] * w[at.inner + i, own]
            for axis in range(2):
                if kept > 0:
                    kept *= _stays(axis, own, factor, below, slot, inside, reach, w, at)
            total -= kept
            reach[own] += (factor - 1) * below
            inside[own] *= factor
    return total


@inner
def _filters(b: int, way: int, frozen: int, w: Ints, at: At) -> int:
    """Tiles of filters under which an input tile is visited, with some loops at their first iteration.

    Where factors divide, instances are counted elsewhere.
    """
    slot = w[at.boundary + b, SLOT]
    if w[at.overruns, K]:
        return visits(K, slot, way, INPUT, w[at.boundary + b, PARENT], frozen, w, at)[0]
    total = 1
    for i in range(slot):
        if not (frozen >> i) & 1:
            total *= w[at.loops + i, K]
    return total


@inner
def _stays(
    axis: int, own: int, factor: int, below: int, slot: int, inside: Ints, reach: Ints, w: Ints, at: At
) -> int:  # fmt: skip
    """Rows (or columns) that stay when loop `own` advances, over all pairs of output and filter tiles."""
    p, r = P + axis, R + axis
    step, dilation = w[at.window, axis], w[at.window, 2 + axis]
    outputs = w[at.own + slot, p] // w[at.extent + slot, p] // inside[p]
    weights = w[at.own + slot, r] // w[at.extent + slot, r] // inside[r]
    shift = -(step * reach[p] + dilation * reach[r])
    if own == p:
        shift += step * below
        outputs -= outputs // factor
    elif own == r:
        shift += dilation * below
        weights -= weights // factor
    rows: int = outputs * weights * max(_box(axis, slot, w, at) - abs(shift), 0)
    return rows


@inner
def count_accesses(operand: int, column: int, home: int, exact: bool, w: Ints, at: At) -> int:
    """How often the array reads an operand: from all instances of its home (0), or from one (1); or at least."""
    total = 1
    for d in range(8):
        if not w[at.overruns, d]:
            total *= w[0, d]
        elif exact:
            total *= visits(d, at.slots, SHARED + column, operand, home, 0, w, at)[0]
        else:
            total *= -(-w[0, d] // w[at.inner, d])
    for a in range(at.axes):
        d = w[at.axis + a, PICK]
        if d != NONE and not w[at.overruns, d] and is_pinned(SHARED + column, a, d, operand, home, w, at):
            total //= w[at.axis + a, USE]
    return total


@inner
def count_cycles(exact: bool, w: Ints, at: At) -> int:
    """Cycles in which the array computes; or at least."""
    total = 1
    for d in range(8):
        if not w[at.overruns, d]:
            total *= w[at.whole, d]
        elif exact:
            total *= visits(d, at.slots, ONE, OUTPUT, 0, 0, w, at)[0]
        else:
            total *= -(-w[0, d] // w[at.inner, d])
    return total

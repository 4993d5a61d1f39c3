"""What does an unrolling fix, whatever the tiles? Extents, copies and widths per boundary between two memories."""

from __future__ import annotations

from coexplore.cost._assess import ACCUMULATOR_BITS, OUTPUT_BITS, in_words
from coexplore.cost._compile import inner
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, C, P, R, S
from coexplore.cost._sheet import (
    ABOVE,
    ABOVE_FINISHED,
    AT_LEVEL,
    AT_SLOT,
    BELOW,
    BELOW_HELD,
    FIRST_ABOVE,
    FIRST_BELOW,
    FIXED,
    HOME,
    HOP,
    HOPS,
    INNER,
    NONE,
    OPERAND,
    PARENT,
    PER_AXIS,
    PICK,
    SLOT,
    USE,
    At,
    is_pinned,
)
from coexplore.cost._unroll import smooth
from coexplore.cost.nest import Ints


@inner
def unroll(pick: Ints, use: Ints, left: Ints, bits: Ints, words: Ints, w: Ints, at: At) -> None:
    """Enter an unrolling into the sheet.

    pick, use: (a,). left: (8,) steps. bits: of an element of weight, input, output, accumulator. words: (l,).
    """
    for a in range(at.axes):
        w[at.axis + a, PICK], w[at.axis + a, USE] = pick[a], use[a]
        last = a % PER_AXIS == PER_AXIS - 1
        w[at.axis + a, HOPS] = w[at.axis + a, HOP] * (1 if last else use[a + 1])
    w[at.inner : at.inner + at.slots + 1] = 1
    for a in range(at.axes):
        if pick[a] != NONE:
            for s in range(w[at.axis + a, AT_SLOT] + 1):
                w[at.inner + s, pick[a]] *= use[a]
    w[at.window, 5] = 0
    for d in range(8):
        whole = left[d] if w[at.window, 4] and d >= P else smooth(left[d])
        overruns = whole * w[at.inner, d] != w[0, d]
        w[at.whole, d], w[at.overruns, d], w[at.ragged, d] = whole, overruns, 0
        w[at.window, 5] |= overruns
        w[at.steps, d], w[at.steps + at.slots, d] = whole, 1
        for s in range(at.slots + 1):
            w[at.own + s, d] = whole * w[at.inner + s, d]
    for b in range(at.boundaries):
        _fix_boundary(b, w, at)
        _fix_widths(b, bits, words, w, at)


@inner
def _fix_boundary(b: int, w: Ints, at: At) -> None:
    row, free = w[at.boundary + b], w[at.free + b]
    operand, inner, parent, slot = row[OPERAND], row[INNER], row[PARENT], row[SLOT]
    free[:] = 1
    for a in range(at.axes):
        d = w[at.axis + a, PICK]
        if d != NONE and not w[at.overruns, d] and w[at.axis + a, AT_LEVEL] < inner:
            for way in range(4):
                if not is_pinned(way, a, d, operand, parent, w, at):
                    free[way] *= w[at.axis + a, USE]
    fixed = 1
    for d in range(8):
        if not w[at.overruns, d] and RELEVANT[operand, d] and not (operand == INPUT and d >= P):
            fixed *= w[at.own + slot, d]
    w[at.widths + b, FIXED] = fixed
    for way in range(4):
        # Of a sum, every free instance along a reduced dimension holds its own.
        w[at.first + b, way] = fixed * free[way] if operand == OUTPUT else 0


@inner
def _fix_widths(b: int, bits: Ints, words: Ints, w: Ints, at: At) -> None:
    operand, inner, parent = w[at.boundary + b, OPERAND], w[at.boundary + b, INNER], w[at.boundary + b, PARENT]
    row, above, below = w[at.widths + b], words[parent], words[inner]
    row[FIRST_ABOVE], row[FIRST_BELOW] = in_words(bits[operand], above), in_words(bits[operand], below)
    if operand != OUTPUT:
        row[ABOVE] = row[ABOVE_FINISHED] = row[FIRST_ABOVE]
        row[BELOW] = row[BELOW_HELD] = row[FIRST_BELOW]
        return
    row[ABOVE], row[BELOW] = in_words(bits[ACCUMULATOR_BITS], above), in_words(bits[ACCUMULATOR_BITS], below)
    finished = ACCUMULATOR_BITS if _sums_in_space(parent, w, at) else OUTPUT_BITS
    held = w[at.boundary + b, HOME] == 1 or _sums_in_space(inner, w, at)
    row[ABOVE_FINISHED] = in_words(bits[finished], above)
    row[BELOW_HELD] = in_words(bits[ACCUMULATOR_BITS if held else OUTPUT_BITS], below)


@inner
def _sums_in_space(level: int, w: Ints, at: At) -> bool:
    for a in range(at.axes):
        d = w[at.axis + a, PICK]
        if w[at.axis + a, AT_LEVEL] < level and (d == C or d == R or d == S):
            return True
    return False

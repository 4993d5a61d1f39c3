"""What does a mapping cost, on all accelerators of a shape? One row of numbers, whatever their widths and energies.

A row holds cycles for every *timing class* (distinct widths of all ports), bits read and written per level, and per
level the *size class* of the smallest memory that holds its tiles.
"""

from __future__ import annotations

from typing import NamedTuple

from coexplore.cost._assess import in_words
from coexplore.cost._compile import inner
from coexplore.cost._counts import ALL, FIRST_ONE, FIRST_ONE_PARENT, FIRST_SHARED, STEP_ONE_PARENT
from coexplore.cost._counts import ONE as OF_ONE
from coexplore.cost._counts import ONE_PARENT as OF_ONE_PARENT
from coexplore.cost._counts import SHARED as OF_ALL_SHARED
from coexplore.cost._kernels import OUTPUT
from coexplore.cost._resident import away, per_instance, port_time
from coexplore.cost._sheet import (
    ABOVE,
    ABOVE_FINISHED,
    BELOW,
    BELOW_HELD,
    BLOCK,
    DOUBLE,
    FIRST_ABOVE,
    FIRST_BELOW,
    HOME,
    INNER,
    OPERAND,
    PARENT,
    POOL,
    TILE,
    At,
)
from coexplore.cost.nest import Floats, Ints

READS, WRITES, ONE_READS, ONE_WRITES = range(4)
"""Columns of traffic (l, 12), in bits, for one operand; those of the next operand follow."""


class Classes(NamedTuple):
    """The accelerators of a search: what their levels `l` have in common."""

    read: Floats
    """(l, c) Cycles per bit, for timing classes `c`."""
    write: Floats
    """(l, c)"""
    split: Floats
    """(l, c) 1 where writes have a port of their own."""
    sizes: Ints
    """(l, k) Capacities in bits, ascending; -1 is unbounded."""


@inner
def add_traffic(b: int, w: Ints, at: At, traffic: Ints) -> None:
    """Add what crosses a boundary to the traffic of its two levels, as `_assess.count_traffic` does."""
    # Views of rows would cost more than the arithmetic.
    operand, p, n = w[at.boundary + b, OPERAND], w[at.boundary + b, PARENT], w[at.boundary + b, INNER]
    m, k = at.moves + b, 4 * operand
    above, below = w[at.widths + b, ABOVE], w[at.widths + b, BELOW]
    if w[at.boundary + b, POOL] > 0:
        _exchange(b, w, at, traffic)
    elif operand != OUTPUT:
        traffic[p, k + READS] += w[m, OF_ALL_SHARED] * above
        traffic[n, k + WRITES] += w[m, ALL] * below
        traffic[p, k + ONE_READS] += w[m, OF_ONE_PARENT] * above
        traffic[n, k + ONE_WRITES] += w[m, OF_ONE] * below
    else:
        finished, held = w[at.widths + b, ABOVE_FINISHED], w[at.widths + b, BELOW_HELD]
        back = w[m, OF_ALL_SHARED] - w[m, FIRST_SHARED]
        traffic[p, k + WRITES] += back * above + w[m, FIRST_SHARED] * finished
        traffic[p, k + READS] += back * above
        traffic[n, k + WRITES] += back * below
        traffic[n, k + READS] += (w[m, ALL] - w[m, FIRST_SHARED]) * below + w[m, FIRST_SHARED] * held
        back = w[m, OF_ONE_PARENT] - w[m, FIRST_ONE_PARENT]
        traffic[p, k + ONE_WRITES] += back * above + w[m, FIRST_ONE_PARENT] * finished
        traffic[p, k + ONE_READS] += back * above
        back = w[m, OF_ONE] - w[m, FIRST_ONE]
        traffic[n, k + ONE_WRITES] += back * below
        traffic[n, k + ONE_READS] += back * below + w[m, FIRST_ONE] * held
    if operand == OUTPUT and w[at.boundary + b, HOME] == 1:
        # A sum that begins afresh is not read.
        traffic[n, k + READS] -= (w[m, ALL] - w[m, OF_ALL_SHARED] + w[m, FIRST_SHARED]) * below
        traffic[n, k + ONE_READS] -= w[m, FIRST_ONE] * below


@inner
def _exchange(b: int, w: Ints, at: At, traffic: Ints) -> None:
    """What crosses between the instances of a pool, as `_assess` counts it."""
    operand, n, count = w[at.boundary + b, OPERAND], w[at.boundary + b, INNER], w[at.boundary + b, POOL]
    m, k, width = at.moves + b, 4 * operand, w[at.widths + b, BELOW]
    if operand != OUTPUT:
        read = away(w[m, OF_ALL_SHARED], count) * width
        traffic[n, k + READS] += read
        traffic[n, k + ONE_READS] += per_instance(read, count)
        traffic[n, k + WRITES] += away(w[m, ALL], count) * width
        traffic[n, k + ONE_WRITES] += away(w[m, OF_ONE], count) * width
        return
    narrow, held = w[at.widths + b, FIRST_BELOW], w[at.widths + b, BELOW_HELD]
    back, first = away(w[m, OF_ALL_SHARED] - w[m, FIRST_SHARED], count), away(w[m, FIRST_SHARED], count)
    arriving, returning = back * width + first * narrow, back * width
    traffic[n, k + WRITES] += arriving + returning
    traffic[n, k + READS] += returning + away(w[m, ALL] - w[m, FIRST_SHARED], count) * width + first * held
    back, first = away(w[m, OF_ONE] - w[m, FIRST_ONE], count), away(w[m, FIRST_ONE], count)
    traffic[n, k + ONE_WRITES] += per_instance(arriving, count) + back * width
    traffic[n, k + ONE_READS] += per_instance(returning, count) + back * width + first * held


@inner
def write_row(
    cycles: float, skew: float, known: int, traffic: Ints, floor: Ints, sized: Ints, w: Ints, at: At, classes: Classes,
    own: Floats, row: Floats,
) -> None:  # fmt: skip
    """Fill a row from the traffic of the levels in hand and from what the others move at least.

    known: how many boundaries of the listing are in hand. own: (l + 2, c) scratch.
    """
    timings, levels = own.shape[1], at.levels
    longest, ends = levels, levels + 1
    for c in range(timings):
        own[longest, c], own[ends, c] = cycles, skew
        for n in range(levels):
            own[n, c] = 0.0
    for i in range(known):
        b = w[at.listing + i, 0]
        is_output = w[at.boundary + b, OPERAND] == OUTPUT
        inner, parent = w[at.boundary + b, INNER], w[at.boundary + b, PARENT]
        width = w[at.widths + b, FIRST_ABOVE]
        first = float(w[at.moves + b, STEP_ONE_PARENT] * width)
        tile = float(w[at.widths + b, TILE] * w[at.widths + b, FIRST_BELOW])
        everything = float(w[at.moves + b, OF_ONE_PARENT] * width)
        serial = 0.0 if w[at.level + inner, DOUBLE] else 1.0
        if w[at.boundary + b, POOL] > 0:
            _exposed_exchange(b, is_output, serial, w, at, classes, own)
            continue
        for c in range(timings):
            up = classes.write[parent, c] if is_output else classes.read[parent, c]
            down = classes.read[inner, c] if is_output else classes.write[inner, c]
            above, below = first * up, tile * down
            own[parent, c] += above
            own[inner, c] += below
            end = max(above, below)
            own[ends, c] += end
            own[longest, c] += serial * max(everything * up - end, 0.0)
    for n in range(levels):
        block = w[at.level + n, BLOCK]
        reads = writes = one_reads = one_writes = 0
        for k in range(0, 12, 4):
            out, back = traffic[n, k] + floor[n, k], traffic[n, k + 1] + floor[n, k + 1]
            one_out, one_back = traffic[n, k + 2] + floor[n, k + 2], traffic[n, k + 3] + floor[n, k + 3]
            if block > 1:
                out, back, one_out = in_words(out, block), in_words(back, block), in_words(one_out, block)
                one_back = in_words(one_back, block)
            reads, writes, one_reads, one_writes = (
                reads + out,
                writes + back,
                one_reads + one_out,
                one_writes + one_back,
            )
        row[timings + 2 * n], row[timings + 2 * n + 1] = reads, writes
        row[timings + 2 * levels + n] = sized[n]
        for c in range(timings):
            busy, busy_back = one_reads * classes.read[n, c], one_writes * classes.write[n, c]
            busy = max(busy, busy_back) if classes.split[n, c] == 1.0 else busy + busy_back
            own[longest, c] = max(own[longest, c], busy - own[n, c])
    for c in range(timings):
        row[c] = own[longest, c] + own[ends, c]


@inner
def _exposed_exchange(b: int, is_output: bool, serial: float, w: Ints, at: At, classes: Classes, own: Floats) -> None:
    """Add the cycles in which a first tile comes from its pool, as `_assess` does."""
    inner, count, m = w[at.boundary + b, INNER], w[at.boundary + b, POOL], at.moves + b
    moved = w[at.widths + b, FIRST_BELOW] * (count - 1.0) / count
    for c in range(own.shape[1]):
        read, write = classes.read[inner, c], classes.write[inner, c]
        source, target = (write, read) if is_output else (read, write)
        split = classes.split[inner, c] == 1.0
        first = port_time(
            w[m, STEP_ONE_PARENT] * moved / count * source, w[at.widths + b, TILE] * moved * target, split
        )  # fmt: skip
        everything = port_time(
            w[m, OF_ONE_PARENT] * moved / count * source, w[m, OF_ONE] * moved * target, split
        )  # fmt: skip
        own[inner, c] += first
        own[at.levels + 1, c] += first
        own[at.levels, c] += serial * max(everything - first, 0.0)

"""What does a mapping cost, on all accelerators it may run on? One row of numbers per mapping, and which rows matter.

A row holds cycles for every *timing class* (distinct widths of all ports), bits read and written per level, and per
level the *size class* of the smallest memory that holds its tiles. A mapping none of whose numbers is below those of
another is nowhere better.
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
SLACK = 1.0 + 1e-12
"""Rounding of rows; a mapping must be better than another by more than that."""


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
    operand, moves, widths = w[at.boundary + b, OPERAND], w[at.moves + b], w[at.widths + b]
    above, below = traffic[w[at.boundary + b, PARENT]], traffic[w[at.boundary + b, INNER]]
    width, width_below, k = widths[ABOVE], widths[BELOW], 4 * operand
    count = w[at.boundary + b, POOL]
    if count > 0:
        _exchange(operand, count, k, moves, widths, below)
    elif operand != OUTPUT:
        above[k + READS] += moves[OF_ALL_SHARED] * width
        below[k + WRITES] += moves[ALL] * width_below
        above[k + ONE_READS] += moves[OF_ONE_PARENT] * width
        below[k + ONE_WRITES] += moves[OF_ONE] * width_below
    else:
        _return_sums(k, moves, widths, above, below)
    if operand == OUTPUT and w[at.boundary + b, HOME] == 1:
        # A sum that begins afresh is not read.
        below[k + READS] -= (moves[ALL] - moves[OF_ALL_SHARED] + moves[FIRST_SHARED]) * width_below
        below[k + ONE_READS] -= moves[FIRST_ONE] * width_below


@inner
def _exchange(operand: int, count: int, k: int, moves: Ints, widths: Ints, pool: Ints) -> None:
    """What crosses between the instances of a pool, as `_assess` counts it."""
    width = widths[BELOW]
    if operand != OUTPUT:
        read = away(moves[OF_ALL_SHARED], count) * width
        pool[k + READS] += read
        pool[k + ONE_READS] += per_instance(read, count)
        pool[k + WRITES] += away(moves[ALL], count) * width
        pool[k + ONE_WRITES] += away(moves[OF_ONE], count) * width
        return
    narrow, held = widths[FIRST_BELOW], widths[BELOW_HELD]
    back, first = away(moves[OF_ALL_SHARED] - moves[FIRST_SHARED], count), away(moves[FIRST_SHARED], count)
    arriving, returning = back * width + first * narrow, back * width
    pool[k + WRITES] += arriving + returning
    pool[k + READS] += returning + away(moves[ALL] - moves[FIRST_SHARED], count) * width + first * held
    back, first = away(moves[OF_ONE] - moves[FIRST_ONE], count), away(moves[FIRST_ONE], count)
    pool[k + ONE_WRITES] += per_instance(arriving, count) + back * width
    pool[k + ONE_READS] += per_instance(returning, count) + back * width + first * held


@inner
def _return_sums(k: int, moves: Ints, widths: Ints, above: Ints, below: Ints) -> None:
    """Partial sums go up and come back, each finished output goes up once."""
    width, width_below = widths[ABOVE], widths[BELOW]
    finished, held = widths[ABOVE_FINISHED], widths[BELOW_HELD]
    back = moves[OF_ALL_SHARED] - moves[FIRST_SHARED]
    above[k + WRITES] += back * width + moves[FIRST_SHARED] * finished
    above[k + READS] += back * width
    below[k + WRITES] += back * width_below
    below[k + READS] += (moves[ALL] - moves[FIRST_SHARED]) * width_below + moves[FIRST_SHARED] * held
    back = moves[OF_ONE_PARENT] - moves[FIRST_ONE_PARENT]
    above[k + ONE_WRITES] += back * width + moves[FIRST_ONE_PARENT] * finished
    above[k + ONE_READS] += back * width
    back = moves[OF_ONE] - moves[FIRST_ONE]
    below[k + ONE_WRITES] += back * width_below
    below[k + ONE_READS] += back * width_below + moves[FIRST_ONE] * held


@inner
def write_row(
    cycles: float, skew: float, known: int, traffic: Ints, floor: Ints, sized: Ints, w: Ints, at: At, classes: Classes,
    own: Floats, row: Floats,
) -> None:  # fmt: skip
    """Fill a row from the traffic of the levels in hand and from what the others move at least.

    known: how many boundaries of the listing are in hand. own: (l + 2, c) scratch.
    """
    timings, levels = own.shape[1], at.levels
    longest, ends = own[levels], own[levels + 1]
    for c in range(timings):
        longest[c], ends[c] = cycles, skew
        for n in range(levels):
            own[n, c] = 0.0
    for i in range(known):
        b = w[at.listing + i, 0]
        inner, parent = w[at.boundary + b, INNER], w[at.boundary + b, PARENT]
        widths, moves = w[at.widths + b], w[at.moves + b]
        first = float(moves[STEP_ONE_PARENT] * widths[FIRST_ABOVE])
        tile = float(widths[TILE] * widths[FIRST_BELOW])
        everything = float(moves[OF_ONE_PARENT] * widths[FIRST_ABOVE])
        serial = 0.0 if w[at.level + inner, DOUBLE] else 1.0
        is_output = w[at.boundary + b, OPERAND] == OUTPUT
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
            ends[c] += end
            longest[c] += serial * max(everything * up - end, 0.0)
    for n in range(levels):
        now, least, block = traffic[n], floor[n], w[at.level + n, BLOCK]
        reads = writes = one_reads = one_writes = 0
        for k in range(0, 12, 4):
            if block == 1:
                reads += now[k + READS] + least[k + READS]
                writes += now[k + WRITES] + least[k + WRITES]
                one_reads += now[k + ONE_READS] + least[k + ONE_READS]
                one_writes += now[k + ONE_WRITES] + least[k + ONE_WRITES]
            else:
                reads += in_words(now[k + READS] + least[k + READS], block)
                writes += in_words(now[k + WRITES] + least[k + WRITES], block)
                one_reads += in_words(now[k + ONE_READS] + least[k + ONE_READS], block)
                one_writes += in_words(now[k + ONE_WRITES] + least[k + ONE_WRITES], block)
        row[timings + 2 * n], row[timings + 2 * n + 1] = reads, writes
        row[timings + 2 * levels + n] = sized[n]
        out, back = float(one_reads), float(one_writes)
        for c in range(timings):
            busy, busy_back = out * classes.read[n, c], back * classes.write[n, c]
            busy = max(busy, busy_back) if classes.split[n, c] == 1.0 else busy + busy_back
            longest[c] = max(longest[c], busy - own[n, c])
    for c in range(timings):
        row[c] = longest[c] + ends[c]


@inner
def _exposed_exchange(b: int, is_output: bool, serial: float, w: Ints, at: At, classes: Classes, own: Floats) -> None:
    """Add the cycles in which a first tile comes from its pool, as `_assess` does."""
    inner, count, widths, moves = w[at.boundary + b, INNER], w[at.boundary + b, POOL], w[at.widths + b], w[at.moves + b]
    moved = widths[FIRST_BELOW] * (count - 1.0) / count
    for c in range(own.shape[1]):
        read, write = classes.read[inner, c], classes.write[inner, c]
        source, target = (write, read) if is_output else (read, write)
        split = classes.split[inner, c] == 1.0
        first = port_time(
            moves[STEP_ONE_PARENT] * moved / count * source, widths[TILE] * moved * target, split
        )  # fmt: skip
        everything = port_time(
            moves[OF_ONE_PARENT] * moved / count * source, moves[OF_ONE] * moved * target, split
        )  # fmt: skip
        own[inner, c] += first
        own[at.levels + 1, c] += first
        own[at.levels, c] += serial * max(everything - first, 0.0)


@inner
def is_beaten(row: Floats, rows: Floats, begin: int, end: int) -> bool:
    """Whether one of the rows [begin, end) is nowhere above `row`, beyond rounding."""
    for i in range(begin, end):
        above = 0
        for j in range(row.size):
            above += rows[i, j] > row[j] * SLACK
        if above == 0:
            return True
    return False

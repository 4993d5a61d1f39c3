"""What does a mapping cost on all PE arrays of a shape? One row of numbers, as in `_entry`, from a sheet."""

from __future__ import annotations

from typing import NamedTuple

from coexplore.cost._array_sheet import (
    BITS,
    BOUNDARIES,
    FIRST_SHARED,
    FLAGS,
    HELD,
    LEVELS,
    MANY,
    MOVES,
    ONE,
    ONE_PARENT,
    ORDER,
    OUTER,
    POOLS,
    REDUCES,
    REDUCES_LANES,
    SHARED,
    SLOTS,
    STEP,
    STEPS,
    TRAFFIC,
)
from coexplore.cost._assess import ACCUMULATOR_BITS, OUTPUT_BITS
from coexplore.cost._compile import inlined, inner
from coexplore.cost._entry import Classes
from coexplore.cost._kernels import INPUT, OUTPUT, WEIGHT, C, R, S
from coexplore.cost._pool import Pool
from coexplore.cost._resident import away, per_instance, port_time
from coexplore.cost.nest import Floats, Ints

SUMMED_BITS = 1 << C | 1 << R | 1 << S


class Room(NamedTuple):
    """Scratch of a search."""

    row: Floats
    """As in `_entry`."""
    own: Floats
    """(3, c)"""
    first: Ints
    """(b, 2) Bits of the first tiles above and below a boundary."""
    ports: Ints
    """(l, 2) Bits of first tiles read and written at a level."""
    tiles: Ints
    """(t, 8) Iterations of the file, of every tile."""
    parts: Ints
    """(o, 8) Iterations of main memory."""


@inner
def keep(end: int, u: int, cycles: int, w: Ints, pool: Pool) -> None:
    """Write the mapping in hand into the pool."""
    pool.counts[end, 0], pool.counts[end, 1] = cycles, 0
    spot = 2
    for n in range(LEVELS):
        for k in range(12):
            pool.counts[end, spot] = w[TRAFFIC + n, k]
            spot += 1
    for b in range(8):
        m = MOVES + b
        pool.counts[end, spot], pool.counts[end, spot + 1] = w[m, STEP], w[m, HELD]
        pool.counts[end, spot + 2], pool.counts[end, spot + 3] = w[m, ONE_PARENT], w[m, ONE]
        spot += 4
    for d in range(8):
        steps = w[STEPS, d]
        for s in range(SLOTS):
            pool.steps[end, s, d] = steps
            steps //= w[OUTER + s, d]
        pool.steps[end, SLOTS, d] = 1
    for s in range(SLOTS):
        pool.orders[end, s] = w[ORDER, s]
    pool.unrolling[end] = u


@inner
def _need(level: int, w: Ints) -> int:
    """Bits that the tiles of a level occupy, as in a replay: those that change twice, and what lives there."""
    need = 0
    for operand in range(3):
        if operand == INPUT and level == 3:
            continue
        m = MOVES + (level - 1 if operand == WEIGHT else level + 2 if operand == INPUT else level + 4)
        width = w[BITS, operand]
        if operand == OUTPUT:
            partial = level == 3 or w[FLAGS, REDUCES] or (level == 2 and w[FLAGS, REDUCES_LANES])
            for i in range(level + 1):
                partial = partial or bool(w[MANY, min(i, 2)] & SUMMED_BITS)
            width = w[BITS, ACCUMULATOR_BITS] if partial else w[BITS, OUTPUT_BITS]
        bits = w[m, HELD] * width * (2 if w[m, ONE] > w[m, HELD] else 1)
        instances = w[POOLS, operand]
        if level == 1 and instances > 0:
            lying = width
            if operand == OUTPUT and w[m, SHARED] == w[m, FIRST_SHARED]:
                lying = w[BITS, OUTPUT_BITS]
            in_place = w[m, HELD] // instances * (width - lying)
            bits = per_instance(w[POOLS, 3 + operand] * lying, instances) + away(bits, instances) + in_place
        need += bits
    return need


@inlined
def size_up(w: Ints, classes: Classes, row: Floats) -> bool:
    """Enter the size classes of all levels; False if the largest memory of some level is too small."""
    at = row.size - LEVELS
    row[at] = 0.0
    for level in range(1, LEVELS):
        need, sizes = _need(level, w), classes.sizes[level]
        k = 0
        while k < sizes.size and 0 <= sizes[k] < need:
            k += 1
        if k == sizes.size:
            return False
        row[at + level] = k
    return True


@inlined
def _count_first_tiles(w: Ints, room: Room) -> None:
    """Fill the bits of first tiles: those of boundaries, then those of ports, in that order."""
    for n in range(LEVELS):
        room.ports[n, 0] = room.ports[n, 1] = 0
    for b in range(BOUNDARIES):
        operand = WEIGHT if b < 3 else INPUT if b < 5 else OUTPUT
        n = b + 1 if b < 3 else b - 2 if b < 5 else b - 4
        width, out = w[BITS, operand], 1 if operand == OUTPUT else 0
        if n == 1 and w[POOLS, operand] > 0:
            room.first[b, 0] = room.first[b, 1] = 0
            continue
        room.first[b, 0], room.first[b, 1] = w[MOVES + b, STEP] * width, w[MOVES + b, HELD] * width
        room.ports[n - 1, out] += room.first[b, 0]
        room.ports[n, 1 - out] += room.first[b, 1]


@inlined
def write_array_row(cycles: float, w: Ints, classes: Classes, room: Room) -> None:
    """Fill cycles and bits of the row, as `_entry.write_row` does."""
    row, longest, ends, exchange = room.row, room.own[0], room.own[1], room.own[2]
    timings = longest.size
    _count_first_tiles(w, room)
    for c in range(timings):
        longest[c], ends[c], exchange[c] = cycles, 0.0, 0.0
    for operand in range(3):
        if w[POOLS, operand] > 0:
            _exchange_first(operand, w, classes, exchange)
    for c in range(timings):
        ends[c] += exchange[c]
    for b in range(BOUNDARIES):
        n = b + 1 if b < 3 else b - 2 if b < 5 else b - 4
        first, held = float(room.first[b, 0]), float(room.first[b, 1])
        if b < 5:
            up, down = classes.read[n - 1], classes.write[n]
        else:
            up, down = classes.write[n - 1], classes.read[n]
        for c in range(timings):
            above, below = first * up[c], held * down[c]
            ends[c] += above if above > below else below
    for n in range(LEVELS):
        t = TRAFFIC + n
        row[timings + 2 * n] = w[t, 0] + w[t, 4] + w[t, 8]
        row[timings + 2 * n + 1] = w[t, 1] + w[t, 5] + w[t, 9]
        reads, writes = float(w[t, 2] + w[t, 6] + w[t, 10]), float(w[t, 3] + w[t, 7] + w[t, 11])
        own_reads, own_writes = float(room.ports[n, 0]), float(room.ports[n, 1])
        read, write, split = classes.read[n], classes.write[n], classes.split[n]
        for c in range(timings):
            busy, back = reads * read[c], writes * write[c]
            one_port, two_ports = busy + back, busy if busy > back else back
            busy = two_ports if split[c] == 1.0 else one_port
            busy -= own_reads * read[c] + own_writes * write[c] + (exchange[c] if n == 1 else 0.0)
            longest[c] = busy if busy > longest[c] else longest[c]
    for c in range(timings):
        row[c] = longest[c] + ends[c]


@inner
def _exchange_first(operand: int, w: Ints, classes: Classes, cycles: Floats) -> None:
    """Add the cycles in which the first tile of what lives in the local memories comes, or the last one leaves."""
    m, instances = MOVES + (0 if operand == WEIGHT else 3 if operand == INPUT else 5), w[POOLS, operand]
    moved = w[BITS, operand] * (instances - 1.0) / instances
    for c in range(cycles.size):
        read, write = classes.read[1, c], classes.write[1, c]
        source, target = (write, read) if operand == OUTPUT else (read, write)
        cycles[c] += port_time(
            w[m, STEP] * moved / instances * source, w[m, HELD] * moved * target, classes.split[1, c] == 1.0
        )

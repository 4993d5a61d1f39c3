"""Which mappings of an unrolling can be the best on some accelerator? Descends over tiles, slot by slot from outside.

A branch ends where even a lower bound of all its mappings is beaten by a mapping at hand. What is left is the front of
the unrolling: rows of numbers (`_entry`) that hold for accelerators of any size, width and energy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._assess import ACCUMULATOR_BITS, in_words
from coexplore.cost._compile import inner
from coexplore.cost._counts import ONE as OF_ONE
from coexplore.cost._counts import ONE_PARENT as OF_ONE_PARENT
from coexplore.cost._counts import STEP_ONE_PARENT
from coexplore.cost._entry import Classes, add_traffic, is_beaten, write_row
from coexplore.cost._goal import Best, Variants, enter, may_win
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, P, R
from coexplore.cost._rows import COLUMN, FIRSTS, count_accesses, count_boundary, count_cycles, is_ragged
from coexplore.cost._sheet import (
    AT_TILE,
    BEGIN,
    END,
    EVERY,
    FIXED,
    HOPS,
    LISTED,
    OPERAND,
    ORDER,
    SHARED,
    SLOT,
    TILE,
    USE,
    At,
    home_of,
    pinned_instances,
)
from coexplore.cost._tiles import MOST_TILES, best_order, list_tiles, occupied
from coexplore.cost.nest import Floats, Ints


LARGE = 1 << 62


class Room(NamedTuple):
    """Where a descent stands."""

    traffic: Ints
    """(s, l, 12) Bits known at a slot."""
    floor: Ints
    """(s, l, 12) Bits that what lies further inside moves at least."""
    array: Ints
    """(2, l, 12) Bits that the array moves at least, and exactly."""
    sized: Ints
    """(s, l) Size classes."""
    tiles: Ints
    """(s, t, 8) Candidates, in steps."""
    seen: Ints
    least: Ints
    """(l, 4) Scratch."""
    own: Floats
    row: Floats
    bits: Ints
    """Of the op, and of a word of every level."""


class Pool(NamedTuple):
    """Mappings `m` that were kept."""

    rows: Floats
    """(m, n) As in `_entry`."""
    counts: Ints
    """(m, 1 + 12 l + 4 b) Cycles, bits of every level, and of every boundary the tiles and what one instance moves."""
    steps: Ints
    """(m, s, 8) Tiles."""
    orders: Ints
    """(m, s)"""
    unrolling: Ints
    """(m,)"""
    skew: Ints
    """(m,) Cycles."""


@inner
def make_pool(count: int, at: At, width: int) -> Pool:
    """Room for so many mappings with rows of so many numbers."""
    return Pool(
        np.empty((count, width)),
        np.empty((count, 1 + 12 * at.levels + 4 * at.boundaries), np.int64),
        np.empty((count, at.slots, 8), np.int64),
        np.empty((count, at.slots), np.int64),
        np.empty(count, np.int64),
        np.empty(count, np.int64),
    )


@inner
def make_room(at: At, timings: int, bits: Ints, words: Ints) -> Room:
    """Room for a descent."""
    return Room(
        np.zeros((at.slots, at.levels, 12), np.int64),
        np.zeros((at.slots, at.levels, 12), np.int64),
        np.zeros((2, at.levels, 12), np.int64),
        np.zeros((at.slots, at.levels), np.int64),
        np.ones((at.slots, MOST_TILES, 8), np.int64),
        np.zeros(MOST_TILES, np.int64),
        np.zeros((at.levels, 4), np.int64),
        np.zeros((at.levels + 2, timings)),
        np.zeros(timings + 3 * at.levels),
        np.concatenate((bits, words)),
    )


@inner
def begin(w: Ints, at: At, classes: Classes, room: Room) -> None:
    """Set up the descent for an unrolling; the row in hand is what it costs at least."""
    exact = w[at.window, 5] == 0
    room.array[0] = 0
    for operand in range(3):
        _add_array(operand, exact, room.bits, w, at, room.array[0])
    room.traffic[0] = room.array[0]
    room.floor[at.slots - 1] = 0
    for s in range(at.slots - 1, 0, -1):
        room.floor[s - 1] = room.floor[s]
        for i in range(w[at.by_slot + s, 0], w[at.by_slot + s, 1]):
            _add_least(w[at.listing + i, 0], w, at, room.floor[s - 1])
    room.sized[0] = 0
    _write(0, float(count_cycles(False, w, at)), room.traffic[0], w, at, classes, room)


@inner
def _write(s: int, cycles: float, traffic: Ints, w: Ints, at: At, classes: Classes, room: Room) -> None:
    write_row(
        cycles, float(_skew(w, at)), w[at.by_slot + s, 1], traffic, room.floor[s], room.sized[s], w, at, classes, room.own,
        room.row,
    )  # fmt: skip


@inner
def _skew(w: Ints, at: At) -> int:
    total = 0
    for a in range(at.axes):
        total += (w[at.axis + a, USE] - 1) * w[at.axis + a, HOPS]
    return total


@inner
def _add_array(operand: int, exact: bool, bits: Ints, w: Ints, at: At, traffic: Ints) -> None:
    """Add what the array reads and writes; if not exact, at least."""
    home = home_of(operand, w, at)
    width = in_words(bits[ACCUMULATOR_BITS if operand == OUTPUT else operand], bits[4 + home])
    for column in range(2):
        times = count_accesses(operand, column, home, exact, w, at)
        k = 4 * operand + 2 * column
        traffic[home, k] += times * width
        if operand == OUTPUT:
            traffic[home, k + 1] += times * width
            if home == 0:
                fresh = 1
                for d in range(8):
                    fresh *= w[0, d] if RELEVANT[OUTPUT, d] else 1
                traffic[home, k] -= min(fresh, times) * width


@inner
def _add_least(b: int, w: Ints, at: At, floor: Ints) -> None:
    """Add what crosses a boundary when every tile stays as long as it is of use."""
    _count_least(b, True, w, at)
    add_traffic(b, w, at, floor)


@inner
def _count_least(b: int, stays: bool, w: Ints, at: At) -> None:
    """Fill the moves of a boundary with what they are at least; unless the operand stays, for tiles as in hand."""
    operand, slot, moves = w[at.boundary + b, OPERAND], w[at.boundary + b, SLOT], w[at.moves + b]
    times = 1
    if not stays:
        for d in range(8):
            if not RELEVANT[operand, d] and not w[at.overruns, d]:
                times *= w[at.own + slot, d] // w[at.extent + slot, d]
    for way in range(4):
        least, again = times * w[at.widths + b, FIXED] * w[at.free + b, way], 1
        for d in range(8):
            if not w[at.overruns, d]:
                if operand == INPUT and P <= d < R:
                    least *= w[at.own + slot, d]
            elif RELEVANT[operand, d] and d < R:
                least *= -(-w[0, d] // pinned_instances(b, way, d, w, at))
            elif not stays and not RELEVANT[operand, d]:
                seen = -(-w[0, d] // pinned_instances(b, way, d, w, at))
                again *= -(-seen // w[at.extent + slot, d])
        least *= again
        moves[COLUMN[way]] = least
        if way > EVERY:
            moves[FIRSTS[way]] = least // times // again


@inner
def solve(
    number: int, prune: bool, rivals: int, w: Ints, at: At, classes: Classes, room: Room, pool: Pool, start: int, goal: int,
    base_j: float, variants: Variants, best: Best,
) -> int:  # fmt: skip
    """Append the front of an unrolling to the pool after `begin`. Returns where it ends, -1 if the pool is too small.

    With `rivals`, only what may be the best mapping of one of so many accelerators counts, and is entered.
    """
    last, end = at.slots - 1, start
    cycles = float(count_cycles(False, w, at))
    if last == 0:
        end = _keep(number, w, at, classes, room, pool, start, end)
        if rivals > 0 and end > start:
            enter(goal, base_j, start, room.row, variants, 0, rivals, best)
        return end
    s = 1
    w[at.slot + s, AT_TILE] = w[at.slot + s, LISTED]
    while s > 0:
        w[at.slot + s, AT_TILE] -= 1
        if w[at.slot + s, AT_TILE] < 0:
            s -= 1
            continue
        if not _place(s, room.tiles[s, w[at.slot + s, AT_TILE]], w, at, classes, room):
            continue
        _write(s, cycles, room.traffic[s], w, at, classes, room)
        if rivals > 0 and (prune or s == last) and not may_win(goal, base_j, room.row, variants, 0, rivals, best):
            continue
        if rivals == 0 and is_beaten(room.row, pool.rows, start, end):
            continue
        if s < last:
            s += 1
            w[at.slot + s, AT_TILE] = w[at.slot + s, LISTED]
            continue
        before, end = end, _keep(number, w, at, classes, room, pool, start if rivals == 0 else end, end)
        if end < 0:
            return -1
        if rivals > 0 and end > before:
            enter(goal, base_j, before, room.row, variants, 0, rivals, best)
    return end


@inner
def list_all(w: Ints, at: At, classes: Classes, room: Room) -> bool:
    """List the tiles of an unrolling after `begin`; the row in hand is what it costs at least, more closely.

    False if not even the smallest tiles fit the largest memories. The innermost loop around a tile lets one operand stay at most: the others come anew for every tile.
    """
    for s in range(1, at.slots):
        w[at.slot + s, LISTED] = list_tiles(s, room.tiles[s], room.seen, w, at)
        if w[at.slot + s, LISTED] == 0:
            return False
    least, total = room.array[1], room.least
    for s in range(at.slots - 1, 1, -1):
        total[:] = LARGE
        for t in range(w[at.slot + s, LISTED]):
            for d in range(8):
                w[at.extent + s, d] = room.tiles[s, t, d] * w[at.inner + s, d]
            for staying in range(3):
                least[:] = 0
                for i in range(w[at.by_slot + s, 0], w[at.by_slot + s, 1]):
                    b = w[at.listing + i, 0]
                    _count_least(b, w[at.boundary + b, OPERAND] == staying, w, at)
                    add_traffic(b, w, at, least)
                for n in range(at.levels):
                    for k in range(4):
                        bits = least[n, k] + least[n, 4 + k] + least[n, 8 + k]
                        total[n, k] = min(total[n, k], bits)
        room.floor[s - 1] = room.floor[s]
        for n in range(at.levels):
            for k in range(4):
                room.floor[s - 1, n, k] += total[n, k]
    if at.slots > 1:
        room.floor[0] = room.floor[1]
        for i in range(w[at.by_slot + 1, 0], w[at.by_slot + 1, 1]):
            _add_least(w[at.listing + i, 0], w, at, room.floor[0])
    _write(0, float(count_cycles(False, w, at)), room.traffic[0], w, at, classes, room)
    return True


@inner
def _place(s: int, tile: Ints, w: Ints, at: At, classes: Classes, room: Room) -> bool:
    """Put a tile into a slot and count what it moves; False if it does not fit or has no closed form."""
    for d in range(8):
        if w[at.steps + s - 1, d] % tile[d]:
            return False
    for d in range(8):
        w[at.steps + s, d] = tile[d]
        w[at.loops + s - 1, d] = w[at.steps + s - 1, d] // tile[d]
        w[at.extent + s, d] = tile[d] * w[at.inner + s, d]
    room.sized[s] = room.sized[s - 1]
    for level in range(w[at.slot + s, BEGIN], w[at.slot + s, END]):
        room.sized[s, level] = _size_class(occupied(level, s, True, w, at), classes.sizes[level])
        if room.sized[s, level] == classes.sizes.shape[1]:
            return False
    if w[at.window, 5]:
        for d in range(8):
            if w[at.overruns, d]:
                w[at.ragged, d] = is_ragged(d, s, w, at)
    w[at.slot + s - 1, ORDER] = best_order(s - 1, w, at)
    room.traffic[s] = room.traffic[s - 1]
    for i in range(w[at.by_slot + s, 0], w[at.by_slot + s, 1]):
        b = w[at.listing + i, 0]
        if not count_boundary(b, w, at):
            return False
        add_traffic(b, w, at, room.traffic[s])
    return True


@inner
def _size_class(need: int, sizes: Ints) -> int:
    for k in range(sizes.size):
        if sizes[k] < 0 or need <= sizes[k]:
            return k
    return sizes.size


@inner
def _keep(number: int, w: Ints, at: At, classes: Classes, room: Room, pool: Pool, start: int, end: int) -> int:
    """Enter the mapping in hand, unless it is beaten; drop what it beats."""
    last, row = at.slots - 1, room.row
    for d in range(8):
        w[at.loops + last, d] = w[at.steps + last, d]
    w[at.slot + last, ORDER] = 0
    traffic, cycles = room.traffic[last], count_cycles(True, w, at)
    if w[at.window, 5]:
        room.array[1] = traffic - room.array[0]
        for operand in range(3):
            _add_array(operand, True, room.bits, w, at, room.array[1])
        traffic = room.array[1]
    if w[at.window, 5] or last == 0:
        _write(last, float(cycles), traffic, w, at, classes, room)
        if is_beaten(row, pool.rows, start, end):
            return end
    kept = start
    for i in range(start, end):
        above = 0
        for j in range(row.size):
            above += row[j] > pool.rows[i, j]
        if above > 0:
            if kept != i:
                _move(i, kept, pool)
            kept += 1
    if kept == pool.rows.shape[0]:
        return -1
    pool.rows[kept] = row
    counts, spot = pool.counts[kept], 1
    counts[0] = cycles
    for n in range(at.levels):
        for k in range(12):
            counts[spot] = traffic[n, k]
            spot += 1
    for b in range(at.boundaries):
        counts[spot], counts[spot + 1] = w[at.moves + b, STEP_ONE_PARENT], w[at.widths + b, TILE]
        counts[spot + 2], counts[spot + 3] = w[at.moves + b, OF_ONE_PARENT], w[at.moves + b, OF_ONE]
        spot += 4
    for s in range(at.slots):
        pool.orders[kept, s] = w[at.slot + s, ORDER]
        for d in range(8):
            pool.steps[kept, s, d] = w[at.steps + s, d]
    pool.unrolling[kept], pool.skew[kept] = number, _skew(w, at)
    return kept + 1


@inner
def _move(origin: int, target: int, pool: Pool) -> None:
    pool.rows[target] = pool.rows[origin]
    pool.counts[target] = pool.counts[origin]
    pool.steps[target] = pool.steps[origin]
    pool.orders[target] = pool.orders[origin]
    pool.unrolling[target], pool.skew[target] = pool.unrolling[origin], pool.skew[origin]

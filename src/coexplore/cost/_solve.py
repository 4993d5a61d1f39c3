"""Which mappings of an unrolling are the best on some accelerator? Descends over tiles, slot by slot from outside.

A branch ends where a lower bound of all its mappings wins on no accelerator any more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._assess import ACCUMULATOR_BITS, in_words
from coexplore.cost._compile import inner
from coexplore.cost._counts import ONE as OF_ONE
from coexplore.cost._counts import ONE_PARENT as OF_ONE_PARENT
from coexplore.cost._counts import STEP_ONE_PARENT
from coexplore.cost._effort import Effort, is_spent, leave_out
from coexplore.cost._entry import Classes, add_traffic, write_row
from coexplore.cost._goal import Best, Variants, enter, may_win
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, P, R, S
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
    SLOT,
    TILE,
    USE,
    At,
    home_of,
    pinned_instances,
)
from coexplore.cost._tiles import MOST_TILES, best_order, list_tiles, occupied
from coexplore.cost.nest import Floats, Ints


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
    """(s, t, l, 4) Bits that a tile moves at least between its slot and the parents."""
    needs: Ints
    """(s, t, l) Size classes of the levels of the slot."""
    times: Floats
    """(s, c) Cycles, as far as known at a slot."""
    own: Floats
    row: Floats
    bits: Ints
    """Of the op, and of a word of every level."""


class Pool(NamedTuple):
    """Mappings `m` that were the best of some accelerator."""

    counts: Ints
    """(m, 2 + 12 l + 4 b) Cycles, those of skew, bits of every level, and of every boundary the first tiles above and
    below and what moves under one parent and into one instance."""
    steps: Ints
    """(m, s, 8) Tiles."""
    orders: Ints
    """(m, s)"""
    unrolling: Ints
    """(m,)"""


@inner
def make_pool(count: int, at: At) -> Pool:
    """Room for so many mappings."""
    return Pool(
        np.empty((count, 2 + 12 * at.levels + 4 * at.boundaries), np.int64),
        np.empty((count, at.slots, 8), np.int64),
        np.empty((count, at.slots), np.int64),
        np.empty(count, np.int64),
    )


@inner
def larger_pool(pool: Pool) -> Pool:
    """The same mappings with twice the room."""
    count = pool.unrolling.size
    larger = Pool(
        np.empty((2 * count, pool.counts.shape[1]), np.int64),
        np.empty((2 * count, pool.steps.shape[1], 8), np.int64),
        np.empty((2 * count, pool.orders.shape[1]), np.int64),
        np.empty(2 * count, np.int64),
    )
    larger.counts[:count], larger.steps[:count] = pool.counts, pool.steps
    larger.orders[:count], larger.unrolling[:count] = pool.orders, pool.unrolling
    return larger


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
        np.zeros((at.slots, MOST_TILES, at.levels, 4), np.int64),
        np.zeros((at.slots, MOST_TILES, at.levels), np.int64),
        np.zeros((at.slots, timings)),
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
            _add_least(w[at.listing + i, 0], True, w, at, room.floor[s - 1])
    room.sized[0] = 0
    weigh_known(0, float(count_cycles(False, w, at)), room.traffic[0], w, at, classes, room)


@inner
def weigh_known(s: int, cycles: float, traffic: Ints, w: Ints, at: At, classes: Classes, room: Room) -> None:
    """Fill the row in hand from what is known at a slot and what lies further inside at least."""
    write_row(
        cycles, float(_skew(w, at)), w[at.by_slot + s, 1], traffic, room.floor[s], room.sized[s], w, at, classes,
        room.own, room.row,
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
def _add_least(b: int, stays: bool, w: Ints, at: At, floor: Ints) -> None:
    """Add what crosses a boundary at least: if tiles stay as long as they are of use, or come anew every time."""
    _count_least(b, stays, w, at)
    add_traffic(b, w, at, floor)


@inner
def _count_least(b: int, stays: bool, w: Ints, at: At) -> None:
    """Fill the moves of a boundary with what they are at least; unless the operand stays, for tiles as in hand."""
    operand, slot, m = w[at.boundary + b, OPERAND], w[at.boundary + b, SLOT], at.moves + b
    times, own, extent = 1, w[at.own + slot], w[at.extent + slot]
    if operand == INPUT and (own[R] > extent[R] or own[S] > extent[S]):
        # Most of an input tile may stay while the filter moves, for the next output channel too.
        stays = True
    if not stays:
        for d in range(8):
            if not RELEVANT[operand, d] and not w[at.overruns, d]:
                times *= own[d] // extent[d]
    for way in range(4):
        least, again = times * w[at.widths + b, FIXED] * w[at.free + b, way], 1
        for d in range(8):
            if not w[at.overruns, d]:
                if operand == INPUT and P <= d < R:
                    least *= own[d]
            elif RELEVANT[operand, d] and d < R:
                least *= -(-w[0, d] // pinned_instances(b, way, d, w, at))
            elif not stays and not RELEVANT[operand, d]:
                seen = -(-w[0, d] // pinned_instances(b, way, d, w, at))
                again *= -(-seen // extent[d])
        least *= again
        w[m, COLUMN[way]] = least
        if way > EVERY:
            w[m, FIRSTS[way]] = least // times // again


@inner
def solve(
    number: int, prune: bool, w: Ints, at: At, classes: Classes, room: Room, pool: Pool, end: int, goal: int,
    base_j: float, variants: Variants, best: Best, effort: Effort,
) -> int:  # fmt: skip
    """Enter the best mappings of an unrolling after `begin` and `list_all`, appended to the pool at `end`.

    Where the effort is spent, what is left is bounded instead. Returns where the pool ends then, -1 if it is too small.
    """
    last = at.slots - 1
    cycles = float(count_cycles(False, w, at))
    if last == 0:
        if is_spent(best, effort):
            if may_win(goal, base_j, room.row, variants, best):
                leave_out(best, effort)
            return end
        effort.left[0] -= 1
        return keep_mapping(number, w, at, classes, room, pool, end, goal, base_j, variants, best)
    s = 1
    room.times[0] = cycles
    w[at.slot + s, AT_TILE] = w[at.slot + s, LISTED]
    while s > 0:
        w[at.slot + s, AT_TILE] -= 1
        t = w[at.slot + s, AT_TILE]
        if t < 0:
            s -= 1
            continue
        is_left_out = is_spent(best, effort)
        effort.left[0] -= 1
        if (prune or is_left_out) and not promises(s, t, w, at, room, goal, base_j, variants, best):
            continue
        if is_left_out:
            leave_out(best, effort)
            continue
        if not place(s, t, w, at, classes, room):
            continue
        weigh_known(s, cycles, room.traffic[s], w, at, classes, room)
        if prune and not may_win(goal, base_j, room.row, variants, best):
            continue
        if s < last:
            for c in range(room.times.shape[1]):
                room.times[s, c] = room.row[c]
            s += 1
            w[at.slot + s, AT_TILE] = w[at.slot + s, LISTED]
            continue
        end = keep_mapping(number, w, at, classes, room, pool, end, goal, base_j, variants, best)
        if end < 0:
            return -1
    return end


@inner
def list_all(w: Ints, at: At, classes: Classes, room: Room) -> bool:
    """List the tiles of an unrolling after `begin`; the row in hand is what it costs at least, more closely.

    False if not even the smallest tiles fit the largest memories.
    """
    for s in range(at.slots - 1, 0, -1):
        w[at.slot + s, LISTED] = list_tiles(s, room.tiles[s], room.seen, w, at)
        if w[at.slot + s, LISTED] == 0:
            return False
        _bound_tiles(s, w, at, classes, room)
        room.floor[s - 1] = room.floor[s]
        for n in range(at.levels):
            for k in range(4):
                least = room.least[s, 0, n, k]
                for t in range(1, w[at.slot + s, LISTED]):
                    least = min(least, room.least[s, t, n, k])
                room.floor[s - 1, n, k] += least
    weigh_known(0, float(count_cycles(False, w, at)), room.traffic[0], w, at, classes, room)
    return True


@inner
def _bound_tiles(s: int, w: Ints, at: At, classes: Classes, room: Room) -> None:
    """What the tiles of a slot move at least, and how much room they need.

    The innermost loop around a tile lets one operand stay at most: the others come anew for every tile.
    """
    staying, coming, first = room.array[1], room.traffic[s], w[at.by_slot + s, 0]
    staying[:] = 0
    for i in range(first, w[at.by_slot + s, 1]):
        _add_least(w[at.listing + i, 0], True, w, at, staying)
    for t in range(w[at.slot + s, LISTED]):
        for d in range(8):
            w[at.extent + s, d] = room.tiles[s, t, d] * w[at.inner + s, d]
        for level in range(w[at.slot + s, BEGIN], w[at.slot + s, END]):
            room.needs[s, t, level] = _size_class(occupied(level, s, True, w, at), classes.sizes[level])
        coming[:] = 0
        for i in range(first, w[at.by_slot + s, 1]):
            _add_least(w[at.listing + i, 0], False, w, at, coming)
        for n in range(at.levels):
            for k in range(4):
                every = coming[n, k] + coming[n, 4 + k] + coming[n, 8 + k]
                saved = 0
                for operand in range(0, 12, 4):
                    saved = max(saved, coming[n, operand + k] - staying[n, operand + k])
                room.least[s, t, n, k] = every - saved


@inner
def promises(
    s: int, t: int, w: Ints, at: At, room: Room, goal: int, base_j: float, variants: Variants, best: Best
) -> bool:  # fmt: skip
    """Whether a tile may lead to a mapping that wins, by what it moves at least."""
    row, timings, levels = room.row, room.times.shape[1], at.levels
    for c in range(timings):
        row[c] = room.times[s - 1, c]
    for n in range(levels):
        reads, writes = room.least[s, t, n, 0], room.least[s, t, n, 1]
        for k in range(0, 12, 4):
            reads += room.traffic[s - 1, n, k] + room.floor[s, n, k]
            writes += room.traffic[s - 1, n, k + 1] + room.floor[s, n, k + 1]
        row[timings + 2 * n], row[timings + 2 * n + 1] = reads, writes
        row[timings + 2 * levels + n] = room.sized[s - 1, n]
    for level in range(w[at.slot + s, BEGIN], w[at.slot + s, END]):
        row[timings + 2 * levels + level] = room.needs[s, t, level]
    return may_win(goal, base_j, row, variants, best)


@inner
def place(s: int, t: int, w: Ints, at: At, classes: Classes, room: Room) -> bool:
    """Put a tile into a slot and count what it moves; False if it does not fit or has no closed form."""
    for d in range(8):
        tile, whole = room.tiles[s, t, d], w[at.steps + s - 1, d]
        loops = whole if tile == 1 else whole // tile
        if loops * tile != whole:
            return False
        w[at.steps + s, d], w[at.loops + s - 1, d] = tile, loops
        w[at.extent + s, d] = tile * w[at.inner + s, d]
    for n in range(at.levels):
        room.sized[s, n] = room.sized[s - 1, n]
    for level in range(w[at.slot + s, BEGIN], w[at.slot + s, END]):
        room.sized[s, level] = room.needs[s, t, level]
        if room.sized[s, level] == classes.sizes.shape[1]:
            return False
    if w[at.window, 5]:
        for d in range(8):
            if w[at.overruns, d]:
                w[at.ragged, d] = is_ragged(d, s, w, at)
    w[at.slot + s - 1, ORDER] = best_order(s - 1, w, at)
    traffic = room.traffic[s]
    for n in range(at.levels):
        for k in range(12):
            traffic[n, k] = room.traffic[s - 1, n, k]
    for i in range(w[at.by_slot + s, 0], w[at.by_slot + s, 1]):
        b = w[at.listing + i, 0]
        if not count_boundary(b, w, at):
            return False
        add_traffic(b, w, at, traffic)
    return True


@inner
def _size_class(need: int, sizes: Ints) -> int:
    for k in range(sizes.size):
        if sizes[k] < 0 or need <= sizes[k]:
            return k
    return sizes.size


@inner
def keep_mapping(
    number: int, w: Ints, at: At, classes: Classes, room: Room, pool: Pool, end: int, goal: int, base_j: float,
    variants: Variants, best: Best,
) -> int:  # fmt: skip
    """Enter the mapping in hand wherever it wins. Returns where the pool ends then, -1 if it is too small."""
    last = at.slots - 1
    for d in range(8):
        w[at.loops + last, d] = w[at.steps + last, d]
    w[at.slot + last, ORDER] = 0
    traffic, cycles = room.traffic[last], count_cycles(True, w, at)
    if w[at.window, 5]:
        room.array[1] = traffic - room.array[0]
        for operand in range(3):
            _add_array(operand, True, room.bits, w, at, room.array[1])
        traffic = room.array[1]
    weigh_known(last, float(cycles), traffic, w, at, classes, room)
    if not may_win(goal, base_j, room.row, variants, best):
        return end
    if end == pool.unrolling.size:
        return -1
    enter(goal, base_j, end, room.row, variants, best)
    pool.counts[end, 0], pool.counts[end, 1] = cycles, _skew(w, at)
    spot = 2
    for n in range(at.levels):
        for k in range(12):
            pool.counts[end, spot] = traffic[n, k]
            spot += 1
    for b in range(at.boundaries):
        m = at.moves + b
        pool.counts[end, spot], pool.counts[end, spot + 1] = w[m, STEP_ONE_PARENT], w[at.widths + b, TILE]
        pool.counts[end, spot + 2], pool.counts[end, spot + 3] = w[m, OF_ONE_PARENT], w[m, OF_ONE]
        spot += 4
    for s in range(at.slots):
        pool.orders[end, s] = w[at.slot + s, ORDER]
        for d in range(8):
            pool.steps[end, s, d] = w[at.steps + s, d]
    pool.unrolling[end] = number
    return end + 1

"""What does a mapping cost at least of which only some is known? Bounds that end branches of a search."""

from __future__ import annotations

import numpy as np

from coexplore.cost._assess import ACCUMULATOR_BITS, in_words
from coexplore.cost._compile import inner, maker
from coexplore.cost._counts import ONE_PARENT as OF_ONE_PARENT
from coexplore.cost._entry import Classes, add_traffic, write_row
from coexplore.cost._exact import tile_elements
from coexplore.cost._goal import Best, Variants, may_win
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, P, R, S
from coexplore.cost._room import Room
from coexplore.cost._rows import COLUMN, FIRSTS, count_accesses, count_cycles
from coexplore.cost._sheet import (
    BEGIN,
    DOUBLE,
    END,
    EVERY,
    FIRST_ABOVE,
    FIRST_BELOW,
    FIXED,
    HOPS,
    INNER,
    LISTED,
    OPERAND,
    ORDER,
    PARENT,
    POOL,
    SLOT,
    USE,
    At,
    home_of,
    pinned_instances,
)
from coexplore.cost._tiles import ORDERS, list_tiles, occupied
from coexplore.cost.nest import Ints


@inner
def copy_bits(source: Ints, target: Ints) -> None:
    """Copy traffic (l, 12), without the array that an assignment would make."""
    for n in range(source.shape[0]):
        for k in range(source.shape[1]):
            target[n, k] = source[n, k]


@inner
def begin(w: Ints, at: At, classes: Classes, room: Room) -> None:
    """Set up the descent for an unrolling; the row in hand is what it costs at least."""
    exact = w[at.window, 5] == 0
    room.array[0] = 0
    for operand in range(3):
        add_array(operand, exact, room.bits, w, at, room.array[0])
    copy_bits(room.array[0], room.traffic[0])
    room.floor[at.slots - 1], room.wait_floor[at.slots - 1] = 0, 0.0
    for s in range(at.slots - 1, 0, -1):
        copy_bits(room.floor[s], room.floor[s - 1])
        for c in range(room.times.shape[1]):
            room.wait_floor[s - 1, c] = room.wait_floor[s, c]
        for i in range(w[at.by_slot + s, 0], w[at.by_slot + s, 1]):
            b = w[at.listing + i, 0]
            _add_least(b, True, w, at, room.floor[s - 1])
            for c in range(room.times.shape[1]):
                room.wait_floor[s - 1, c] += waits(b, c, 1.0, 1.0, w, at, classes)
    room.sized[0] = 0
    cycles = float(count_cycles(False, w, at))
    room.waited[0] = cycles + float(skew(w, at))
    weigh_known(0, cycles, room.traffic[0], w, at, classes, room)
    take_waits(0, room)


@inner
def weigh_known(s: int, cycles: float, traffic: Ints, w: Ints, at: At, classes: Classes, room: Room) -> None:
    """Fill the row in hand from what is known at a slot and what lies further inside at least."""
    write_row(
        cycles, float(skew(w, at)), w[at.by_slot + s, 1], traffic, room.floor[s], room.sized[s], w, at, classes,
        room.own, room.row,
    )  # fmt: skip


@inner
def take_waits(s: int, room: Room) -> None:
    """Raise the cycles of the row in hand to those that are known, with what lies further inside."""
    for c in range(room.times.shape[1]):
        room.row[c] = max(room.row[c], room.waited[s, c] + room.wait_floor[s, c])


@inner
def waits(b: int, c: int, first: float, tile: float, w: Ints, at: At, classes: Classes) -> float:
    """Cycles for which the array waits at a boundary: while the first tile moves, or all where no second one fits."""
    if w[at.boundary + b, POOL] > 0:
        return 0.0
    inner, parent = w[at.boundary + b, INNER], w[at.boundary + b, PARENT]
    is_output = w[at.boundary + b, OPERAND] == OUTPUT
    up = classes.write[parent, c] if is_output else classes.read[parent, c]
    down = classes.read[inner, c] if is_output else classes.write[inner, c]
    up *= w[at.widths + b, FIRST_ABOVE]
    end: float = max(first * up, tile * w[at.widths + b, FIRST_BELOW] * down)
    if w[at.level + inner, DOUBLE] == 0:
        end = max(end, w[at.moves + b, OF_ONE_PARENT] * up)
    return end


@inner
def skew(w: Ints, at: At) -> int:
    """Cycles that data take to the last instances."""
    total = 0
    for a in range(at.axes):
        total += (w[at.axis + a, USE] - 1) * w[at.axis + a, HOPS]
    return total


@inner
def add_array(operand: int, exact: bool, bits: Ints, w: Ints, at: At, traffic: Ints) -> None:
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
    times = 1
    if operand == INPUT and not stays:
        # While filters slide over a tile most of it stays, even if other loops advance.
        e, o = at.extent + slot, at.own + slot
        stays = w[e, R] < w[o, R] or w[e, S] < w[o, S]
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
        w[m, COLUMN[way]] = least
        if way > EVERY:
            w[m, FIRSTS[way]] = least // times // again


@inner
def list_all(w: Ints, at: At, classes: Classes, room: Room) -> bool:
    """List the tiles of an unrolling after `begin`; the row in hand is what it costs at least, more closely.

    False if not even the smallest tiles fit the largest memories.
    """
    for s in range(at.slots - 1, 0, -1):
        w[at.slot + s, LISTED] = list_tiles(s, room.tiles[s], w, at)
        if w[at.slot + s, LISTED] == 0:
            return False
        _bound_tiles(s, w, at, classes, room)
        _sort_tiles(s, w, at, room)
        _add_floor(s, w, at, room)
    weigh_known(0, float(count_cycles(False, w, at)), room.traffic[0], w, at, classes, room)
    take_waits(0, room)
    for c in range(room.times.shape[1]):
        room.times[0, c] = room.row[c]
    return True


@inner
def _bound_tiles(s: int, w: Ints, at: At, classes: Classes, room: Room) -> None:
    """What the tiles of a slot move at least, and how much room they need.

    The innermost loop around a tile lets one operand stay at most: the others come anew for every tile.
    """
    staying, first = room.stay[s], w[at.by_slot + s, 0]
    staying[:] = 0
    for i in range(first, w[at.by_slot + s, 1]):
        b = w[at.listing + i, 0]
        _add_least(b, True, w, at, staying)
        room.stays[b] = w[at.moves + b, OF_ONE_PARENT]
    for t in range(w[at.slot + s, LISTED]):
        for d in range(8):
            w[at.extent + s, d] = room.tiles[s, t, d] * w[at.inner + s, d]
        for level in range(w[at.slot + s, BEGIN], w[at.slot + s, END]):
            room.needs[s, t, level] = _size_class(occupied(level, s, True, w, at), classes.sizes[level])
        coming = room.come[s, t]
        coming[:] = 0
        for i in range(first, w[at.by_slot + s, 1]):
            _add_least(w[at.listing + i, 0], False, w, at, coming)
        _bound_waits(s, t, w, at, classes, room)
        for n in range(at.levels):
            for k in range(4):
                every = coming[n, k] + coming[n, 4 + k] + coming[n, 8 + k]
                saved = 0
                for operand in range(0, 12, 4):
                    saved = max(saved, coming[n, operand + k] - staying[n, operand + k])
                room.least[s, t, n, k] = every - saved


@inner
def _bound_waits(s: int, t: int, w: Ints, at: At, classes: Classes, room: Room) -> None:
    """The same for cycles of waiting, after the moves of tiles that come anew every time."""
    for c in range(room.times.shape[1]):
        total = saved = 0.0
        for i in range(w[at.by_slot + s, 0], w[at.by_slot + s, 1]):
            b = w[at.listing + i, 0]
            m, operand = at.moves + b, w[at.boundary + b, OPERAND]
            tile = float(tile_elements(operand, w[at.extent + s], w[0], w[at.window]))
            every = waits(b, c, tile, tile, w, at, classes)
            moved = w[m, OF_ONE_PARENT]
            w[m, OF_ONE_PARENT] = room.stays[b]
            saved = max(saved, every - waits(b, c, tile, tile, w, at, classes))
            w[m, OF_ONE_PARENT] = moved
            total += every
        room.wait[s, t, c] = total - saved


@inner
def _size_class(need: int, sizes: Ints) -> int:
    for k in range(sizes.size):
        if sizes[k] < 0 or need <= sizes[k]:
            return k
    return sizes.size


@maker
def _sort_tiles(s: int, w: Ints, at: At, room: Room) -> None:
    """Put the tiles of a slot into the order in which they are looked at, the same on all accelerators."""
    listed = w[at.slot + s, LISTED]
    weight = np.zeros(listed)
    for t in range(listed):
        for n in range(at.levels - 1, -1, -1):
            # Energies grow outwards.
            weight[t] = 0.125 * weight[t] + room.least[s, t, n, 0] + room.least[s, t, n, 1]
    room.order[s, :listed] = np.argsort(weight, kind="mergesort")


@inner
def _add_floor(s: int, w: Ints, at: At, room: Room) -> None:
    """Bits that the tiles of a slot and of those further inside move at least."""
    copy_bits(room.floor[s], room.floor[s - 1])
    for n in range(at.levels):
        for k in range(4):
            least = room.least[s, room.order[s, 0], n, k]
            for i in range(1, w[at.slot + s, LISTED]):
                least = min(least, room.least[s, room.order[s, i], n, k])
            room.floor[s - 1, n, k] += least
    for c in range(room.times.shape[1]):
        wait = room.wait[s, room.order[s, 0], c]
        for i in range(1, w[at.slot + s, LISTED]):
            wait = min(wait, room.wait[s, room.order[s, i], c])
        room.wait_floor[s - 1, c] = room.wait_floor[s, c] + wait


@maker
def thin_out(
    w: Ints, at: At, classes: Classes, room: Room, goal: int, base_j: float, variants: Variants, best: Best
) -> bool:  # fmt: skip
    """Drop tiles that are part of no mapping that wins, after `list_all`. Returns whether some mapping may be left."""
    before, waits = room.floor.copy(), room.wait_floor.copy()
    for s in range(at.slots - 1, 0, -1):
        note_known(s, room.traffic[0] + before[0] - before[s - 1], room)
        if s > 1:
            room.waited[s - 1] = room.waited[0] + waits[0] - waits[s - 1]
        kept = 0
        for i in range(w[at.slot + s, LISTED]):
            if promises(s, room.order[s, i], 0, w, at, classes, room, goal, base_j, variants, best):
                room.order[s, kept] = room.order[s, i]
                kept += 1
        w[at.slot + s, LISTED] = kept
        if kept == 0:
            return False
        _add_floor(s, w, at, room)
    return True


@inner
def note_known(s: int, traffic: Ints, room: Room) -> None:
    """Sum over operands what moves at least outside a slot and inside it."""
    for n in range(traffic.shape[0]):
        for k in range(4):
            room.known[s, n, k] = 0
            for operand in range(0, 12, 4):
                room.known[s, n, k] += traffic[n, operand + k] + room.floor[s, n, operand + k]


@inner
def promises(
    s: int, t: int, outer: int, w: Ints, at: At, classes: Classes, room: Room, goal: int, base_j: float,
    variants: Variants, best: Best,
) -> bool:  # fmt: skip
    """Whether a tile may lead to a mapping that wins, by what it moves at least and what is known at an outer slot."""
    row, timings, levels = room.row, room.times.shape[1], at.levels
    for c in range(timings):
        row[c] = max(room.times[outer, c], room.waited[s - 1, c] + room.wait[s, t, c] + room.wait_floor[s, c])
    for n in range(levels):
        row[timings + 2 * n] = room.known[s, n, 0] + room.least[s, t, n, 0]
        row[timings + 2 * n + 1] = room.known[s, n, 1] + room.least[s, t, n, 1]
        row[timings + 2 * levels + n] = room.sized[outer, n]
        reads, writes = room.known[s, n, 2] + room.least[s, t, n, 2], room.known[s, n, 3] + room.least[s, t, n, 3]
        for c in range(timings):
            busy, busy_back = reads * classes.read[n, c], writes * classes.write[n, c]
            row[c] = max(row[c], max(busy, busy_back) if classes.split[n, c] == 1.0 else busy + busy_back)
    for level in range(w[at.slot + s, BEGIN], w[at.slot + s, END]):
        row[timings + 2 * levels + level] = room.needs[s, t, level]
    return may_win(goal, base_j, row, variants, best)


@inner
def may_win_there(
    s: int, t: int, w: Ints, at: At, room: Room, goal: int, base_j: float, variants: Variants, best: Best
) -> bool:  # fmt: skip
    """The same as `promises` once the tile has its place: the loops around it say which operand may stay how long."""
    row, timings = room.row, room.times.shape[1]
    for operand in range(3):
        reuse, blocked = 1, False
        for position in range(7, -1, -1):
            d = ORDERS[w[at.slot + s - 1, ORDER], position]
            if w[at.loops + s - 1, d] > 1 and not blocked:
                blocked = RELEVANT[operand, d]
                reuse *= 1 if blocked else w[at.loops + s - 1, d]
        room.reuse[operand] = reuse if blocked else 0
    for n in range(at.levels):
        reads, writes = room.known[s, n, 0], room.known[s, n, 1]
        for operand in range(3):
            k, reuse = 4 * operand, room.reuse[operand]
            reads_o, writes_o = room.stay[s, n, k], room.stay[s, n, k + 1]
            # What a sum saves when it begins afresh, it saves once: with fewer moves more than its share goes.
            if reuse == 1 or (reuse > 1 and operand != OUTPUT):
                reads_o = max(reads_o, room.come[s, t, n, k] // reuse)
                writes_o = max(writes_o, room.come[s, t, n, k + 1] // reuse)
            reads, writes = reads + reads_o, writes + writes_o
        row[timings + 2 * n], row[timings + 2 * n + 1] = reads, writes
    return may_win(goal, base_j, row, variants, best)

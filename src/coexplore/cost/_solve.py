"""Which mappings of an unrolling are the best on some accelerator? Descends over tiles, slot by slot from outside.

A branch ends where a lower bound of all its mappings wins on no accelerator any more.
"""

from __future__ import annotations

from coexplore.cost._bounds import (
    add_array,
    copy_bits,
    may_win_there,
    note_known,
    promises,
    skew,
    take_waits,
    waits,
    weigh_known,
)
from coexplore.cost._compile import inner
from coexplore.cost._counts import ONE as OF_ONE
from coexplore.cost._counts import ONE_PARENT as OF_ONE_PARENT
from coexplore.cost._counts import STEP_ONE_PARENT
from coexplore.cost._effort import Effort, is_spent, leave_out
from coexplore.cost._entry import Classes, add_traffic
from coexplore.cost._goal import Best, Variants, enter, may_win
from coexplore.cost._pool import Pool, with_room
from coexplore.cost._room import Room
from coexplore.cost._rows import count_boundary, count_cycles, is_ragged
from coexplore.cost._sheet import AT_TILE, BEGIN, END, LISTED, ORDER, TILE, At
from coexplore.cost._tiles import best_order
from coexplore.cost.nest import Ints


@inner
def solve(
    number: int, prune: bool, w: Ints, at: At, classes: Classes, room: Room, pool: Pool, end: int, goal: int,
    base_j: float, variants: Variants, best: Best, effort: Effort,
) -> int:  # fmt: skip
    """Enter the best mappings of an unrolling after `begin` and `list_all`, appended to the pool at `end`.

    Where the effort is spent, what is left is bounded instead. Returns where the pool ends then.
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
    note_known(s, room.traffic[0], room)
    w[at.slot + s, AT_TILE] = -1
    while s > 0:
        w[at.slot + s, AT_TILE] += 1
        if w[at.slot + s, AT_TILE] == w[at.slot + s, LISTED]:
            s -= 1
            continue
        t = room.order[s, w[at.slot + s, AT_TILE]]
        is_left_out = is_spent(best, effort)
        effort.left[0] -= 1
        if (prune or is_left_out) and not promises(s, t, s - 1, w, at, classes, room, goal, base_j, variants, best):
            continue
        if is_left_out:
            leave_out(best, effort)
            continue
        if not put(s, t, w, at, room):
            continue
        if prune and not may_win_there(s, t, w, at, room, goal, base_j, variants, best):
            continue
        if not place(s, t, w, at, classes, room):
            continue
        if s == last:
            end = keep_mapping(number, w, at, classes, room, pool, end, goal, base_j, variants, best)
            continue
        weigh_known(s, cycles, room.traffic[s], w, at, classes, room)
        take_waits(s, room)
        if prune and not may_win(goal, base_j, room.row, variants, best):
            continue
        for c in range(room.times.shape[1]):
            room.times[s, c] = room.row[c]
        s += 1
        note_known(s, room.traffic[s - 1], room)
        w[at.slot + s, AT_TILE] = -1
    return end


@inner
def put(s: int, t: int, w: Ints, at: At, room: Room) -> bool:
    """Put a tile into a slot; False if it does not divide the tile around it."""
    for d in range(8):
        tile, whole = room.tiles[s, t, d], w[at.steps + s - 1, d]
        loops = whole if tile == 1 else whole // tile
        if loops * tile != whole:
            return False
        w[at.steps + s, d], w[at.loops + s - 1, d] = tile, loops
        w[at.extent + s, d] = tile * w[at.inner + s, d]
    w[at.slot + s - 1, ORDER] = best_order(s - 1, w, at)
    return True


@inner
def place(s: int, t: int, w: Ints, at: At, classes: Classes, room: Room) -> bool:
    """Count what a tile moves after `put`; False if it does not fit or has no closed form."""
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
    traffic = room.traffic[s]
    copy_bits(room.traffic[s - 1], traffic)
    for c in range(room.times.shape[1]):
        room.waited[s, c] = room.waited[s - 1, c]
    for i in range(w[at.by_slot + s, 0], w[at.by_slot + s, 1]):
        b = w[at.listing + i, 0]
        if not count_boundary(b, w, at):
            return False
        add_traffic(b, w, at, traffic)
        first, tile = float(w[at.moves + b, STEP_ONE_PARENT]), float(w[at.widths + b, TILE])
        for c in range(room.times.shape[1]):
            room.waited[s, c] += waits(b, c, first, tile, w, at, classes)
    return True


@inner
def keep_mapping(
    number: int, w: Ints, at: At, classes: Classes, room: Room, pool: Pool, end: int, goal: int, base_j: float,
    variants: Variants, best: Best,
) -> int:  # fmt: skip
    """Enter the mapping in hand wherever it wins. Returns where the pool ends then."""
    last = at.slots - 1
    for d in range(8):
        w[at.loops + last, d] = w[at.steps + last, d]
    w[at.slot + last, ORDER] = 0
    traffic, cycles = room.traffic[last], count_cycles(True, w, at)
    if w[at.window, 5]:
        for n in range(at.levels):
            for k in range(12):
                room.array[1, n, k] = traffic[n, k] - room.array[0, n, k]
        for operand in range(3):
            add_array(operand, True, room.bits, w, at, room.array[1])
        traffic = room.array[1]
    weigh_known(last, float(cycles), traffic, w, at, classes, room)
    if not may_win(goal, base_j, room.row, variants, best):
        return end
    end = with_room(end, best, pool)
    enter(end, best)
    pool.counts[end, 0], pool.counts[end, 1] = cycles, skew(w, at)
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

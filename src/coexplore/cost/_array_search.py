"""What is the best mapping of an op on each PE array of one shape? The search of the smaller mapspace of PE arrays.

A mapping is a row of numbers for all accelerators of the shape, as in `_entry`. Unrollings are searched from the most
promising one on, and of each the tiles of the local memory, and of each of those the tiles of the register file.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._array_counts import add_up, choose_order, count_inputs, count_whole, least_inputs
from coexplore.cost._array_row import Room, keep, size_up, write_array_row
from coexplore.cost._array_sheet import (
    BOUNDARIES,
    FLAGS,
    HELD,
    INNER,
    LEVELS,
    MIDDLE,
    MOVES,
    OUTER,
    SLOTS,
    STEP,
    STEPS,
    UNEVEN,
    is_ragged,
    make_sheet,
    note_part,
    note_stay,
    note_tile,
    stay_as_long_as_possible,
    unroll_array,
)
from coexplore.cost._array_tiles import MOST_PARTS, MOST_TILES, list_parts, list_tiles
from coexplore.cost._array_unroll import list_array_unrollings
from coexplore.cost._compile import inner, kernel
from coexplore.cost._entry import Classes
from coexplore.cost._goal import Best, Variants, enter, may_win, weigh
from coexplore.cost._kernels import INPUT, OUTPUT, WEIGHT, C, R, S
from coexplore.cost._pool import Pool, make_pool, with_room
from coexplore.cost.nest import Floats, Ints, Machine, Problem


def is_array(machine: Machine) -> bool:
    """Whether the smaller mapspace is that of an accelerator; see `coexplore.cost.mapper`."""
    keeps = np.array([[True, True, True]] * 3 + [[True, False, True]])
    if machine.keeps.shape != keeps.shape or not np.array_equal(machine.keeps, keeps):
        return False
    plain = bool(machine.double[1:].all()) and not (machine.axis_alone.any() or machine.axis_hop.any())
    plain = plain and bool((machine.word_bits == 1).all() and (machine.block_bits == 1).all())
    sums = machine.axis_dims[:, [C, R, S]]
    mesh, between, dot = (machine.axis_level == 0), (machine.axis_level % 3 > 0), (machine.axis_level == 3)
    return (
        plain
        and 1 <= int(mesh.sum()) <= 2
        and all(int((machine.axis_level == level).sum()) == 1 for level in (1, 2, 3))
        and not machine.axis_dims[mesh][:, [R, S]].any()
        and not sums[between].any()
        and not np.delete(machine.axis_dims[dot], [C, R, S], axis=1).any()
    )


@kernel
def price_array(
    goal: int, limit: int, prune: bool, problem: Problem, machine: Machine, classes: Classes, variants: Variants,
    best: Best,
) -> tuple[Pool, Ints, Ints]:  # fmt: skip
    """Write the best mappings of an op into `best`; arguments and result as of `_price.price`."""
    w = make_sheet(problem, machine)
    timings = classes.read.shape[1]
    room = Room(
        np.zeros(timings + 3 * LEVELS), np.zeros((3, timings)), np.zeros((BOUNDARIES, 2), np.int64),
        np.zeros((LEVELS, 2), np.int64), np.ones((MOST_TILES, 8), np.int64),
        np.ones((MOST_PARTS * 8, 8), np.int64),
    )  # fmt: skip
    pool, end = make_pool(best.value.size, LEVELS, BOUNDARIES, SLOTS + 1), 0
    picks, uses = list_array_unrollings(problem, machine, limit)
    promise, least = np.empty(len(picks)), np.empty((len(picks), 2, room.row.size))
    _promise_all(goal, picks, uses, problem, machine, classes, variants, best, room, promise, least, w)
    for u in np.argsort(promise, kind="mergesort"):
        end = _search(goal, prune, u, end, picks, uses, least, problem, machine, classes, variants, best, room, pool, w)
    return pool, picks, uses


@inner
def _promise_all(
    goal: int, picks: Ints, uses: Ints, problem: Problem, machine: Machine, classes: Classes, variants: Variants,
    best: Best, room: Room, promise: Floats, least: Floats, w: Ints,
) -> None:  # fmt: skip
    """Fill what every unrolling costs at least: a row for weights and one for sums that stay in the latches."""
    for u in range(promise.size):
        cycles = unroll_array(picks[u], uses[u], problem.macs, machine, w)
        for d in range(8):
            w[OUTER, d] = 1
        _begin_part(w)
        for operand in range(3):
            _forget_first_tile(operand, 0, w)
        least_inputs(0, 3, w)
        promise[u] = np.inf
        for stays in range(2):
            _bound(stays == 1, w)
            write_array_row(float(cycles), w, classes, room)
            for k in range(room.row.size):
                least[u, stays, k] = room.row[k]
            weigh(goal, problem.macs * problem.mac_j, room.row, variants, best)
            promise[u] = min(promise[u], best.weighed[0, best.value.size // 2])


@inner
def _search(
    goal: int, prune: bool, u: int, end: int, picks: Ints, uses: Ints, least: Floats, problem: Problem,
    machine: Machine, classes: Classes, variants: Variants, best: Best, room: Room, pool: Pool, w: Ints,
) -> int:  # fmt: skip
    """Enter the best mappings of an unrolling, appended to the pool at `end`. Returns where the pool ends then."""
    base_j = problem.macs * problem.mac_j
    if prune and not (
        may_win(goal, base_j, least[u, 0], variants, best) or may_win(goal, base_j, least[u, 1], variants, best)
    ):
        return end
    cycles = unroll_array(picks[u], uses[u], problem.macs, machine, w)
    parts = list_parts(room.parts, w)
    for o in range(parts):
        for d in range(8):
            w[OUTER, d] = room.parts[o, d]
        if not _begin_part(w) or (prune and not _promises(goal, base_j, cycles, w, classes, variants, best, room)):
            continue
        listed = list_tiles(room.tiles, w, classes.sizes[2, -1])
        for t in range(listed):
            if not _place(room.tiles[t], w) or not size_up(w, classes, room.row):
                continue
            add_up(w)
            write_array_row(float(cycles), w, classes, room)
            if may_win(goal, base_j, room.row, variants, best):
                end = with_room(end, best, pool)
                enter(end, best)
                keep(end, u, cycles, w, pool)
                end += 1
    return end


@inner
def _promises(
    goal: int, base_j: float, cycles: int, w: Ints, classes: Classes, variants: Variants, best: Best,
    room: Room,
) -> bool:  # fmt: skip
    """Whether some tile of the file may make the best mapping of some accelerator."""
    for stays in range(2):
        _bound(stays == 1, w)
        write_array_row(float(cycles), w, classes, room)
        for n in range(LEVELS):
            room.row[room.row.size - LEVELS + n] = 0.0
        if may_win(goal, base_j, room.row, variants, best):
            return True
    return False


@inner
def _count(operand: int, slot: int, w: Ints) -> None:
    if operand == INPUT:
        count_inputs(slot, 3 + slot, w)
    else:
        count_whole(operand, slot, slot if operand == WEIGHT else 5 + slot, w)


@inner
def _forget_first_tile(operand: int, slot: int, w: Ints) -> None:
    """As if tiles were so small that the first ones take no time."""
    b = slot if operand == WEIGHT else 3 + slot if operand == INPUT else 5 + slot
    w[MOVES + b, STEP] = w[MOVES + b, HELD] = 0


@inner
def _bound(sums_stay: bool, w: Ints) -> None:
    """Add up what moves at least, after `_begin_part`.

    Of weights and sums at most one stays in the latches; the other comes anew for every step.
    """
    for operand in (WEIGHT, OUTPUT):
        stay_as_long_as_possible(sums_stay == (operand == OUTPUT), w)
        _count(operand, 2, w)
    add_up(w)


@inner
def _begin_part(w: Ints) -> bool:
    """Choose the order of main memory's loops and count what they move; False if that has no closed form.

    What moves further inside is then what it is at least.
    """
    for d in range(8):
        w[MIDDLE, d] = 1
        w[INNER, d] = w[STEPS, d] // w[OUTER, d]
    note_part(w)
    note_tile(w)
    choose_order(0, w)
    for operand in range(3):
        if w[FLAGS, UNEVEN] and is_ragged(operand, 0, w):
            return False
        note_stay(operand, 0, w)
        _count(operand, 0, w)
    for operand in range(3):
        if operand == INPUT:
            least_inputs(1, 4, w)
        else:
            note_stay(operand, 1, w)
            _count(operand, 1, w)
            _forget_first_tile(operand, 1, w)
    return True


@inner
def _place(tile: Ints, w: Ints) -> bool:
    """Put a tile into the file and count what moves inside a local memory; False if that has no closed form."""
    for d in range(8):
        w[INNER, d] = tile[d]
        w[MIDDLE, d] = w[STEPS, d] // (w[OUTER, d] * tile[d])
    note_tile(w)
    choose_order(1, w)
    choose_order(2, w)
    for slot in range(1, SLOTS):
        for operand in range(3):
            if slot == 2 and operand == INPUT:
                continue
            if w[FLAGS, UNEVEN] and is_ragged(operand, slot, w):
                return False
            note_stay(operand, slot, w)
            _count(operand, slot, w)
    return True

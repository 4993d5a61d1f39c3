"""Which mapping of the declared mapspace is best? Branch and bound, compiled, over accelerators of one shape at once.

The search descends from unrolling to tile and order of one slot after the other. At each step closed forms (`_bounds`)
say what the mapping costs at least on every variant of the accelerator that is still in play; a variant leaves where
its tile does not fit or a better mapping is known. At the end the mapping is counted exactly and assessed as in a
replay. Bounds are loosened by one part in 1e12 so that rounding never drops an optimum.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._assess import DYNAMIC_J, STATIC_J, TOTAL, assess, count_traffic, round_to_blocks
from coexplore.cost._bounds import Stage, Variants, add_boundary, cover_most, follow, least_cost, make_stage
from coexplore.cost._compile import kernel
from coexplore.cost._exact import count_fast
from coexplore.cost._mapspace import (
    NONE,
    ORDERS,
    list_tiles,
    list_unrollings,
    occupied,
    repeats,
    round_down,
    smooth,
)
from coexplore.cost._room import Best, Room, make_room, write_nest
from coexplore.cost._search import Scratch, fits
from coexplore.cost.nest import Floats, Ints, Machine, Problem

LATENCY, ENERGY, EDP = range(3)
SLACK = 1.0 - 1e-12


@kernel
def search(
    goal: int, prune: bool, limit: int, problem: Problem, machine: Machine, variants: Variants, best: Best
) -> None:
    """Write the best mapping of every variant into `best`.

    Without any candidate, `best` keeps the unrolling of the fewest cycles.
    """
    picks, uses, left = list_unrollings(problem, machine, limit)
    room = make_room(problem, machine, best.value.size)
    largest = _largest(variants.capacity_bits)
    for v in range(best.value.size):
        best.pick[v], best.use[v] = picks[0], uses[0]
        for level in range(largest.size):
            room.budget[v, level] = round_down(variants.capacity_bits[v, level])
    for u in range(picks.shape[0]):
        cycles = 1.0
        for d in range(8):
            room.whole[0, d] = smooth(left[u, d])
            cycles *= left[u, d]
        stage = make_stage(picks[u], uses[u], room.whole[0], problem, machine)
        _unroll(picks[u], uses[u], machine, room)
        for slot in range(1, machine.slots.size):
            room.listed[slot] = list_tiles(
                slot, room.whole[0], room.inner[slot], largest, problem, machine, room.tiles[slot]
            )
        if prune:
            _set_floors(problem, machine, stage, variants, room)
        best.judged[0] += _descend(
            goal, prune, cycles, picks[u], uses[u], problem, machine, stage, variants, room, best
        )


@kernel
def _largest(capacity_bits: Ints) -> Ints:
    """The largest capacity of each level; -1 where one is unbounded."""
    largest: Ints = capacity_bits[0].copy()
    for v in range(capacity_bits.shape[0]):
        for level in range(largest.size):
            if largest[level] >= 0:
                largest[level] = max(largest[level], capacity_bits[v, level]) if capacity_bits[v, level] >= 0 else -1
    return largest


@kernel
def _unroll(pick: Ints, use: Ints, machine: Machine, room: Room) -> None:
    for slot in range(machine.slots.size - 1, -1, -1):
        room.inner[slot] = room.inner[slot + 1]
        for a in range(pick.size):
            if machine.axis_level[a] == machine.slots[slot] and pick[a] != NONE:
                room.inner[slot, pick[a]] *= use[a]


@kernel
def _set_floors(problem: Problem, machine: Machine, stage: Stage, variants: Variants, room: Room) -> None:
    """What the boundaries of each slot and all further inside draw at least, under whatever tiles and orders."""
    slots, levels = machine.slots.size, machine.keeps.shape[0]
    extent, bits = np.ones(8, np.int64), np.zeros((levels, 4))
    room.floor_j[slots] = 0.0
    for slot in range(slots - 1, 0, -1):
        room.floor_j[slot] = np.inf
        for t in range(room.listed[slot]):
            for d in range(8):
                extent[d] = room.tiles[slot, t, d] * room.inner[slot, d]
            for resident in range(3):
                bits[:] = 0.0
                for level in range(machine.slots[slot - 1] + 1, machine.slots[slot] + 1):
                    for operand in range(3):
                        if machine.keeps[level, operand]:
                            cover_most(
                                operand,
                                level,
                                extent,
                                stage,
                                problem.sizes,
                                operand == resident,
                                room.cover,
                                room.slides,
                            )
                            add_boundary(
                                operand, level, extent, room.cover, room.slides, problem.sizes, problem.window, stage,
                                bits, room.first[level, operand],
                            )  # fmt: skip
                _lower(bits, variants, room.floor_j[slot])
        room.floor_j[slot] += room.floor_j[slot + 1]


@kernel
def _lower(bits: Floats, variants: Variants, floor_j: Floats) -> None:
    for v in range(floor_j.size):
        energy = 0.0
        for n in range(bits.shape[0]):
            energy += bits[n, 0] * variants.read_j[v, n] + bits[n, 1] * variants.write_j[v, n]
        floor_j[v] = min(floor_j[v], energy)


@kernel
def _descend(
    goal: int, prune: bool, cycles: float, pick: Ints, use: Ints, problem: Problem, machine: Machine, stage: Stage,
    variants: Variants, room: Room, best: Best,
) -> int:  # fmt: skip
    """Try all tiles and orders of an unrolling, slot by slot from the outside."""
    counted, last = 0, machine.slots.size - 1
    room.bits[0] = stage.array
    room.many[0] = best.value.size
    for v in range(best.value.size):
        room.alive[0, v] = v
    _drop(goal, prune, 0, cycles, problem, machine, stage, variants, room, best)
    if last == 0:
        for d in range(8):
            room.loops[0, d] = room.whole[0, d]
        return _judge(goal, cycles, pick, use, problem, machine, stage, variants, room, best)
    slot = 1
    room.at[1] = -1
    while slot > 0:
        room.at[slot] += 1
        tile, order = room.at[slot] // ORDERS.shape[0], room.at[slot] % ORDERS.shape[0]
        if tile == room.listed[slot] or room.many[slot - 1] == 0:
            slot -= 1
            continue
        if not _place(slot, tile, order, machine, room):
            continue
        _add_slot(slot, problem, machine, stage, room)
        _drop(goal, prune, slot, cycles, problem, machine, stage, variants, room, best)
        if room.many[slot] == 0:
            continue
        if slot < last:
            slot += 1
            room.whole[slot - 1] = room.tiles[slot - 1, tile]
            room.at[slot] = -1
            continue
        for d in range(8):
            room.loops[last, d] = room.tiles[last, tile, d]
        counted += _judge(goal, cycles, pick, use, problem, machine, stage, variants, room, best)
    return counted


@kernel
def _place(slot: int, tile: int, order: int, machine: Machine, room: Room) -> bool:
    """Put a tile into a slot; False if it does not divide the tile around it, or the order only repeats another."""
    for d in range(8):
        steps, whole = room.tiles[slot, tile, d], room.whole[slot - 1, d]
        if whole % steps:
            return False
        room.loops[slot - 1, d] = whole // steps
        room.extent[slot, d] = steps * room.inner[slot, d]
    room.orders[machine.slots[slot - 1]] = order
    return not repeats(order, room.loops[slot - 1])


@kernel
def _add_slot(slot: int, problem: Problem, machine: Machine, stage: Stage, room: Room) -> None:
    """Count what moves at least between the levels of a slot and their parents."""
    extent = room.extent[slot]
    room.bits[slot] = room.bits[slot - 1]
    for level in range(machine.slots[slot - 1] + 1, machine.slots[slot] + 1):
        for operand in range(3):
            if machine.keeps[level, operand]:
                follow(
                    operand,
                    slot,
                    extent,
                    room.loops,
                    room.orders,
                    problem.sizes,
                    machine.slots,
                    room.cover,
                    room.slides,
                )
                add_boundary(
                    operand, level, extent, room.cover, room.slides, problem.sizes, problem.window, stage,
                    room.bits[slot], room.first[level, operand],
                )  # fmt: skip


@kernel
def _drop(
    goal: int, prune: bool, slot: int, cycles: float, problem: Problem, machine: Machine, stage: Stage,
    variants: Variants, room: Room, best: Best,
) -> None:  # fmt: skip
    """Keep the variants that hold the tile of a slot and for which its mappings may still be the best."""
    before = max(slot - 1, 0)
    begin, depth = machine.slots[before] + 1, machine.slots[slot]
    base_j = problem.macs * problem.mac_j
    kept = 0
    if slot > 0:
        for level in range(begin, depth + 1):
            room.need[level] = occupied(level, room.extent[slot], room.box, True)
    for i in range(room.many[before]):
        v = room.alive[before, i]
        if slot > 0 and not _holds_all(begin, depth, room.need, room.budget[v]):
            continue
        if prune and best.value[v] < np.inf:
            cost = least_cost(
                v, cycles, base_j + room.floor_j[slot + 1, v], room.bits[slot], room.first, depth, machine.keeps,
                machine.double, stage.source, stage.skew, variants, room.own,
            )  # fmt: skip
            value, tie = _weigh(goal, cost[0] * SLACK, cost[1] * SLACK)
            if value > best.value[v] or (value == best.value[v] and tie >= best.tie[v]):
                continue
        room.alive[slot, kept] = v
        kept += 1
    room.many[slot] = kept


@kernel
def _holds_all(begin: int, depth: int, need: Ints, budget: Ints) -> bool:
    for level in range(begin, depth + 1):
        if 0 <= budget[level] < need[level]:
            return False
    return True


@kernel
def _weigh(goal: int, cycles: float, energy: float) -> tuple[float, float]:
    """What is minimised, and what breaks a tie."""
    if goal == LATENCY:
        return cycles, energy
    if goal == ENERGY:
        return energy, cycles
    return cycles * energy, cycles


@kernel
def _judge(
    goal: int, cycles: float, pick: Ints, use: Ints, problem: Problem, machine: Machine, stage: Stage,
    variants: Variants, room: Room, best: Best,
) -> int:  # fmt: skip
    """Count the mapping in hand exactly and enter it for every variant where it is the best so far."""
    scratch, last = room.scratch, machine.slots.size - 1
    room.orders[machine.slots[last]] = 0
    nest = write_nest(pick, use, machine, room)
    exact = count_fast(problem, machine, nest, scratch.moves, scratch.tiles, scratch.accesses, room.tally)
    count_traffic(problem, machine, nest, scratch.moves, scratch.accesses, scratch.traffic, scratch.one)
    if not _is_regular(exact, cycles, room.bits[last], scratch):
        return 0
    round_to_blocks(machine, scratch.traffic, scratch.one)
    for i in range(room.many[last]):
        v = room.alive[last, i]
        mine = machine_of_variant(v, machine, variants)
        if not fits(problem, mine, nest, scratch):
            continue
        assess(
            exact, stage.skew, problem, mine, scratch.moves, scratch.tiles, scratch.traffic, scratch.one, scratch.stall,
            scratch.summary,
        )  # fmt: skip
        value, tie = _weigh(goal, scratch.summary[TOTAL], scratch.summary[DYNAMIC_J] + scratch.summary[STATIC_J])
        if value < best.value[v] or (value == best.value[v] and tie < best.tie[v]):
            best.value[v], best.tie[v] = value, tie
            best.pick[v], best.use[v], best.loops[v], best.orders[v] = pick, use, room.loops, room.orders
    return 1


@kernel
def _is_regular(exact: int, cycles: float, bits: Floats, scratch: Scratch) -> bool:
    """Whether a mapping moves at least what its closed form says."""
    if exact < cycles:
        return False
    for level in range(bits.shape[0]):
        for way in range(2):
            every = one = 0
            for operand in range(3):
                every += scratch.traffic[level, operand, way]
                one += scratch.one[level, operand, way]
            if every < bits[level, way] * SLACK or one < bits[level, 2 + way] * SLACK:
                return False
    return True


@kernel
def machine_of_variant(v: int, machine: Machine, variants: Variants) -> Machine:
    """The accelerator of a variant as the kernels of a replay see it."""
    return Machine(
        machine.keeps, variants.capacity_bits[v], machine.double, variants.read_width[v], variants.write_width[v],
        variants.read_j[v], variants.write_j[v], variants.static_j_per_cycle[v], machine.axis_level, machine.axis_size,
        machine.axis_dims, machine.axis_alone, machine.axis_hop, machine.word_bits, machine.block_bits, machine.slots,
    )  # fmt: skip

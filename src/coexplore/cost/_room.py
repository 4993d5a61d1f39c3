"""Where does a search for a mapping stand, and what has it found? Its arrays, and the nest of the mapping in hand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._compile import kernel
from coexplore.cost._exact import Tally, make_tally
from coexplore.cost._mapspace import MOST_TILES, NONE, ORDERS, Box, make_box
from coexplore.cost._search import Scratch, make_scratch
from coexplore.cost.nest import (
    ALONE,
    BELOW,
    COLUMNS,
    DIM,
    FACTOR,
    HOP,
    LEVEL,
    SPATIAL,
    Flags,
    Floats,
    Ints,
    Machine,
    Nest,
    Problem,
)


class Best(NamedTuple):
    """The best mapping so far, per variant `v`."""

    value: Floats
    """What is minimised; `inf` as long as nothing fits."""
    tie: Floats
    """The second objective."""
    pick: Ints
    """(v, a) Dimension of every axis, or NONE."""
    use: Ints
    """(v, a) Instances used."""
    loops: Ints
    """(v, slots, 8) Iterations per slot and dimension."""
    orders: Ints
    """(v, l) Rows of `ORDERS`."""
    judged: Ints
    """(1,) Mappings counted exactly; bounds excluded the rest of the mapspace."""


class Room(NamedTuple):
    """Where a search stands, per slot `s`."""

    inner: Ints
    """(s, 8) Extents that the fan-outs from a slot inwards unroll."""
    tiles: Ints
    """(s, t, 8) Candidate tiles, in steps."""
    listed: Ints
    """(s,) Number of tiles."""
    at: Ints
    """(s,) Candidate in hand: tile and order."""
    whole: Ints
    """(s, 8) Steps that the slot divides."""
    loops: Ints
    """(s, 8) Iterations at the slot."""
    extent: Ints
    """(s, 8) Of its tile."""
    orders: Ints
    """(l,)"""
    alive: Ints
    """(s, v) Variants in play after the slot."""
    many: Ints
    """(s,) Number of them."""
    bits: Floats
    """(s, l, 4) What moves at least, as far as the slot."""
    first: Floats
    """(l, operand, 3)"""
    floor_j: Floats
    """(s + 1, v) What the slots from here inwards draw at least."""
    cover: Floats
    slides: Flags
    own: Floats
    need: Ints
    """(l,) Bits that the tile of a slot occupies at most."""
    budget: Ints
    """(v, l) Largest budget of each capacity, -1 for unbounded."""
    box: Box
    table: Ints
    start: Ints
    tally: Tally
    scratch: Scratch


@kernel
def make_room(problem: Problem, machine: Machine, variants: int) -> Room:
    """Room for so many variants of an accelerator."""
    levels, slots = machine.keeps.shape[0], machine.slots.size
    rows = 8 * levels + machine.axis_size.size
    return Room(
        np.ones((slots + 1, 8), np.int64),
        np.ones((slots, MOST_TILES, 8), np.int64),
        np.zeros(slots, np.int64),
        np.zeros(slots, np.int64),
        np.ones((slots, 8), np.int64),
        np.ones((slots, 8), np.int64),
        np.ones((slots, 8), np.int64),
        np.zeros(levels, np.int64),
        np.zeros((slots, variants), np.int64),
        np.zeros(slots, np.int64),
        np.zeros((slots, levels, 4)),
        np.zeros((levels, 3, 3)),
        np.zeros((slots + 1, variants)),
        np.ones(8),
        np.zeros(2, np.bool_),
        np.zeros(levels),
        np.zeros(levels, np.int64),
        np.zeros((variants, levels), np.int64),
        make_box(problem, machine),
        np.zeros((rows, COLUMNS), np.int64),
        np.zeros(levels + 1, np.int64),
        make_tally(rows),
        make_scratch(levels),
    )


@kernel
def write_nest(pick: Ints, use: Ints, machine: Machine, room: Room) -> Nest:
    """The nest of the mapping in hand."""
    table, n, slot = room.table, 0, 0
    levels = machine.keeps.shape[0]
    for level in range(levels):
        room.start[level] = n
        if slot < machine.slots.size and machine.slots[slot] == level:
            for position in range(8):
                d = ORDERS[room.orders[level], position]
                if room.loops[slot, d] > 1:
                    n = _write_row(table, n, d, room.loops[slot, d], 0, level, 0, 0)
            slot += 1
        for a in range(pick.size):
            if machine.axis_level[a] == level and pick[a] != NONE:
                n = _write_row(table, n, pick[a], use[a], 1, level, machine.axis_alone[a], machine.axis_hop[a])
    room.start[levels] = n
    below = np.ones(8, np.int64)
    for i in range(n - 1, -1, -1):
        table[i, BELOW] = below[table[i, DIM]]
        below[table[i, DIM]] *= table[i, FACTOR]
    return Nest(table[:n], room.start)


@kernel
def _write_row(table: Ints, n: int, d: int, factor: int, spatial: int, level: int, alone: int, hop: int) -> int:
    table[n, DIM], table[n, FACTOR], table[n, SPATIAL], table[n, LEVEL] = d, factor, spatial, level
    table[n, ALONE], table[n, HOP] = alone, hop
    return n + 1

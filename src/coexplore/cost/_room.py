"""Where does a descent over tiles keep its numbers?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._compile import maker
from coexplore.cost._sheet import At
from coexplore.cost._tiles import MOST_TILES
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
    order: Ints
    """(s, t) Those that may win, the least bits first."""
    least: Ints
    """(s, t, l, 4) Bits that a tile moves at least between its slot and the parents."""
    needs: Ints
    """(s, t, l) Size classes of the levels of the slot."""
    reuse: Ints
    """(3,) For how many tiles an operand stays at most; 0 is as long as it is of use."""
    stays: Ints
    """(b,) What moves under one parent if tiles stay as long as they are of use."""
    known: Ints
    """(s, l, 4) Bits that all but the tiles of a slot move at least."""
    times: Floats
    """(s, c) Cycles, as far as known at a slot."""
    come: Ints
    """(s, t, l, 12) Bits that a tile moves by operand, if it comes anew every time."""
    stay: Ints
    """(s, l, 12) The same if tiles stay as long as they are of use."""
    wait: Floats
    """(s, t, c) Cycles for which the array waits at least while the tiles of a slot move."""
    waited: Floats
    """(s, c) Those in which it works, and for which it waits as far as known at a slot."""
    wait_floor: Floats
    """(s, c) Those for which it waits at least for what lies further inside."""
    own: Floats
    row: Floats
    bits: Ints
    """Of the op, and of a word of every level."""


@maker
def make_room(at: At, timings: int, bits: Ints, words: Ints) -> Room:
    """Room for a descent."""
    return Room(
        np.zeros((at.slots, at.levels, 12), np.int64),
        np.zeros((at.slots, at.levels, 12), np.int64),
        np.zeros((2, at.levels, 12), np.int64),
        np.zeros((at.slots, at.levels), np.int64),
        np.ones((at.slots, MOST_TILES, 8), np.int64),
        np.zeros((at.slots, MOST_TILES), np.int64),
        np.zeros((at.slots, MOST_TILES, at.levels, 4), np.int64),
        np.zeros((at.slots, MOST_TILES, at.levels), np.int64),
        np.zeros(3, np.int64),
        np.zeros(at.boundaries, np.int64),
        np.zeros((at.slots, at.levels, 4), np.int64),
        np.zeros((at.slots, timings)),
        np.zeros((at.slots, MOST_TILES, at.levels, 12), np.int64),
        np.zeros((at.slots, at.levels, 12), np.int64),
        np.zeros((at.slots, MOST_TILES, timings)),
        np.zeros((at.slots, timings)),
        np.zeros((at.slots, timings)),
        np.zeros((at.levels + 2, timings)),
        np.zeros(timings + 3 * at.levels),
        np.concatenate((bits, words)),
    )

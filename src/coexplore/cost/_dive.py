"""What is a good mapping of an unrolling, found at once? A search begins with many, which rule out most others."""

from __future__ import annotations

import numpy as np

from coexplore.cost._bounds import note_known, promises, take_waits, weigh_known
from coexplore.cost._compile import inner
from coexplore.cost._effort import Effort
from coexplore.cost._entry import Classes
from coexplore.cost._goal import Best, Variants, may_win
from coexplore.cost._room import Room
from coexplore.cost._rows import count_cycles
from coexplore.cost._sheet import LISTED, At
from coexplore.cost._solve import place, put
from coexplore.cost.nest import Ints


@inner
def dive(
    w: Ints, at: At, classes: Classes, room: Room, goal: int, base_j: float, variants: Variants, best: Best,
    effort: Effort,
) -> bool:  # fmt: skip
    """Put a mapping of an unrolling in hand, after `begin` and `list_all`; False if it has none that may win.

    From the outermost slot inwards the tile is taken that costs least by its bound, of those that have a closed form.
    """
    cycles = float(count_cycles(False, w, at))
    for s in range(1, at.slots):
        note_known(s, room.traffic[s - 1], room)
        if not _step(s, cycles, w, at, classes, room, goal, base_j, variants, best, effort):
            return False
        for c in range(room.times.shape[1]):
            room.times[s, c] = room.row[c]
    return True


@inner
def _step(
    s: int, cycles: float, w: Ints, at: At, classes: Classes, room: Room, goal: int, base_j: float, variants: Variants,
    best: Best, effort: Effort,
) -> bool:  # fmt: skip
    """Place the best tile of a slot, the row in hand its bound; of equal ones the largest.

    What lies inside a larger tile has more ways to be placed, and bounds do not tell.
    """
    chosen, least, largest = -1, np.inf, 0
    for i in range(w[at.slot + s, LISTED]):
        t = room.order[s, i]
        effort.left[0] -= 1
        if not promises(s, t, s - 1, w, at, classes, room, goal, base_j, variants, best):
            continue
        if _try(s, t, cycles, w, at, classes, room) and may_win(goal, base_j, room.row, variants, best):
            bound, size = best.weighed[0, best.value.size // 2], 1
            for d in range(8):
                size *= room.tiles[s, t, d]
            if bound < least or (bound == least and size > largest):
                chosen, least, largest = t, bound, size
    return chosen >= 0 and _try(s, chosen, cycles, w, at, classes, room)


@inner
def _try(s: int, t: int, cycles: float, w: Ints, at: At, classes: Classes, room: Room) -> bool:
    """Place a tile, the row in hand what mappings with it cost at least: the promise of a tile says too little."""
    if not (put(s, t, w, at, room) and place(s, t, w, at, classes, room)):
        return False
    weigh_known(s, cycles, room.traffic[s], w, at, classes, room)
    take_waits(s, room)
    return True

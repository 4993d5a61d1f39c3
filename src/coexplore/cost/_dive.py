"""What is a good mapping of an unrolling, found at once? A search begins with many, which rule out most others."""

from __future__ import annotations

import numpy as np

from coexplore.cost._bounds import note_known, promises, take_waits, weigh_known
from coexplore.cost._compile import inner, maker
from coexplore.cost._effort import Effort
from coexplore.cost._entry import Classes
from coexplore.cost._goal import Best, Variants
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
        if not _step(s, w, at, classes, room, goal, base_j, variants, best, effort):
            return False
        weigh_known(s, cycles, room.traffic[s], w, at, classes, room)
        take_waits(s, room)
        for c in range(room.times.shape[1]):
            room.times[s, c] = room.row[c]
    return True


@maker
def _step(
    s: int, w: Ints, at: At, classes: Classes, room: Room, goal: int, base_j: float, variants: Variants, best: Best,
    effort: Effort,
) -> bool:  # fmt: skip
    """Place the best tile of a slot; on a tie the one that comes first."""
    count = w[at.slot + s, LISTED]
    bounds = np.full(count, np.inf)
    for i in range(count):
        effort.left[0] -= 1
        if promises(s, room.order[s, i], s - 1, w, at, classes, room, goal, base_j, variants, best):
            bounds[i] = best.weighed[0, best.value.size // 2]
    while True:
        chosen = -1
        for i in range(count):
            if bounds[i] < np.inf and (chosen < 0 or bounds[i] < bounds[chosen]):
                chosen = i
        if chosen < 0:
            return False
        if put(s, room.order[s, chosen], w, at, room) and place(s, room.order[s, chosen], w, at, classes, room):
            return True
        bounds[chosen] = np.inf

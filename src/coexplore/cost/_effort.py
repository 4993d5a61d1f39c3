"""How long does a search go on, and what does the best of all that it left out cost at least?

A search that may look at so many tiles stops once it has, but not before every accelerator has a mapping. What it would
have looked at next is then weighed by the bounds of the search, and none of it can cost less than the least of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._compile import inner
from coexplore.cost._goal import Best
from coexplore.cost.nest import Floats, Ints

UNLIMITED = 2**62


class Effort(NamedTuple):
    """What a search may still do, and what it did not do, on accelerators `v`."""

    left: Ints
    """(1,) Tiles that may still be looked at; negative where a search for a first mapping went on."""
    least: Floats
    """(v,) What the best mapping that was left out costs at least; `inf` if none was that may be the best."""


def effort_of(limit: int | None, accelerators: int) -> Effort:
    """So many tiles at most; None is no limit."""
    return Effort(np.array([UNLIMITED if limit is None else limit]), np.full(accelerators, np.inf))


@inner
def is_spent(best: Best, effort: Effort) -> bool:
    """Whether no further tile is to be looked at: the effort is used up, and every accelerator has a mapping."""
    if effort.left[0] > 0:
        return False
    for v in range(best.mapping.size):
        if best.mapping[v] < 0:
            return False
    return True


@inner
def leave_out(best: Best, effort: Effort) -> None:
    """Note, after `may_win`, that what costs at least the row in hand is not looked at."""
    for v in range(best.value.size):
        if best.wins[v]:
            effort.least[v] = min(effort.least[v], best.weighed[0, v])

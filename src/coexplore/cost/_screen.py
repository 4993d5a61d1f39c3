"""Which accelerators are worth a second look for one network, given what is known already? A compiled scalar loop.

Everything is a loss, smaller is better.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coexplore.cost._compile import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def screen(latency: Floats, energy: Floats, area: Floats, known: Floats, count: int, found: Ints) -> int:
    """Put the accelerators that no known point covers at the front of `found`; returns how many.

    What covered one accelerator often covers the next, so it moves ahead in `known`; the order there is of no meaning.

    Args:
        latency: (a,) of one network; +inf, where it cannot run, is never found.
        energy: (a,)
        area: (a,) zeros where area is no loss.
        known: (at least count, 3) latency, energy and area of points; rows change places.
        count: rows that hold a point.
        found: (a,) filled in, rising.
    """
    kept = 0
    for column in range(latency.size):
        here, joules, size = latency[column], energy[column], area[column]
        if here == np.inf or joules == np.inf:
            continue
        covered = False
        for row in range(count):
            if known[row, 0] <= here and known[row, 1] <= joules and known[row, 2] <= size:
                covered = True
                if row > 0:
                    ahead = (row - 1) // 2
                    for loss in range(3):
                        known[row, loss], known[ahead, loss] = known[ahead, loss], known[row, loss]
                break
        if not covered:
            found[kept] = column
            kept += 1
    return kept

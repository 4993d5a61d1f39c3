"""Which row-stationary mapping is fastest? For layers whose mapping nobody published.

All choices that the array and its memories hold, with as many filters in the global buffer as fit; ties go to the lower
energy, then to the earlier choice.
"""

from __future__ import annotations

from collections.abc import Iterator

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.eyeriss import PREFETCH_WORDS, WORD_BYTES
from coexplore.core.errors import MappingError
from coexplore.cost.accounting import Accounting
from coexplore.cost.replay import replay
from coexplore.cost.row_stationary import RowStationary, row_stationary
from coexplore.workloads.op import Loops

FILTERS_PER_ELEMENT = (1, 2, 4, 8, 16, 24)
BUFFER, WEIGHTS, INPUTS, SUMS = 1, 2, 3, 4


def best_row_stationary(loops: Loops, chip: Accelerator, accounting: Accounting) -> RowStationary:
    """The fastest choice on one of the presets of `coexplore.accelerators.eyeriss`.

    Raises:
        MappingError: no choice fits, as for a filter of more rows than the array has.
    """
    columns = chip.levels[BUFFER].fanout[0].size
    best, found = (float("inf"), float("inf")), None
    for choice in choices(loops, chip):
        cost = replay(loops, chip, row_stationary(loops, choice, columns), accounting)
        if cost.feasible and (cost.total_cycles, cost.energy_j) < best:
            best, found = (cost.total_cycles, cost.energy_j), choice
    if found is None:
        raise MappingError(f"no row-stationary mapping of {loops} fits {chip.name!r}")
    return found


def choices(loops: Loops, chip: Accelerator) -> Iterator[RowStationary]:
    """What fits the scratchpads and the array, with the largest m and every n that fit the global buffer."""
    columns, rows = (axis.size for axis in chip.levels[BUFFER].fanout)
    for p, q in _elements(loops, chip):
        for e in sorted({-(-loops.P // strips) for strips in range(1, loops.P + 1)}, reverse=True):
            across = min(e, columns)
            height = loops.R * -(-e // across)
            for t in range(1, columns // across * (rows // height) + 1):
                deep = height * -(-t // min(t, columns // across))
                for r in range(1, rows // deep + 1):
                    if (r == 1 or q * r <= loops.C) and p * t * q * r * loops.R * loops.S <= PREFETCH_WORDS:
                        yield from _tiles(loops, chip, e, p, q, r, t)


def _elements(loops: Loops, chip: Accelerator) -> Iterator[tuple[int, int]]:
    """Filters and channels of one element."""
    words = [(level.capacity_bytes or 0) // WORD_BYTES for level in chip.levels]
    for q in range(1, min(words[INPUTS] // loops.S, loops.C) + 1):
        for p in FILTERS_PER_ELEMENT:
            if p <= min(loops.K, words[SUMS], words[WEIGHTS] // (q * loops.S)):
                yield p, q


def _tiles(loops: Loops, chip: Accelerator, e: int, p: int, q: int, r: int, t: int) -> Iterator[RowStationary]:
    """Images and filters of the global buffer."""
    words = (chip.levels[BUFFER].capacity_bytes or 0) // WORD_BYTES
    height = (e - 1) * loops.stride[0] + loops.R
    width = (loops.Q - 1) * loops.stride[1] + loops.S
    for n in range(1, loops.N + 1):
        if loops.N % n:
            continue
        filters = (words - n * q * r * height * width) // (n * e * loops.Q)
        m = min(filters, -(-loops.K // (p * t)) * p * t) // (p * t) * (p * t)
        if m > 0:
            yield RowStationary(m, n, e, p, q, r, t)

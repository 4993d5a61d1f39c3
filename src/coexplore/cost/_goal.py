"""Which mapping is best on which accelerator, for what is wanted?"""

from __future__ import annotations

from typing import NamedTuple

from coexplore.cost._compile import inner
from coexplore.cost.nest import Flags, Floats, Ints

LATENCY, ENERGY, EDP = range(3)
SLACK = 1.0 + 1e-12
"""Rounding of costs; a mapping must be better than another by more than that."""


class Variants(NamedTuple):
    """Accelerators `v` of one shape."""

    timing: Ints
    """(v,) Timing class."""
    sized: Ints
    """(l, v) Size class of every level."""
    read_j: Floats
    """(l, v) Per bit."""
    write_j: Floats
    """(l, v)"""
    static_j: Floats
    """(v,) Per cycle."""


class Best(NamedTuple):
    """The best mapping of every accelerator `v`."""

    value: Floats
    """What is minimised; `inf` as long as nothing fits."""
    tie: Floats
    """The second objective."""
    mapping: Ints
    """In the pool; negative as long as there is none."""
    weighed: Floats
    """(2, v) Scratch, like the next."""
    wins: Flags


@inner
def weigh(goal: int, base_j: float, row: Floats, variants: Variants, best: Best) -> None:
    """Fill `best.weighed`: what is minimised, and what breaks a tie, on every accelerator."""
    levels, count = variants.sized.shape[0], best.value.size
    at = row.size - 3 * levels
    # Plain loops over accelerators, so that they run in vectors.
    value, tie = best.weighed[0], best.weighed[1]
    for v in range(count):
        value[v] = base_j
    for n in range(levels):
        reads, writes = row[at + 2 * n], row[at + 2 * n + 1]
        for v in range(count):
            value[v] += reads * variants.read_j[n, v] + writes * variants.write_j[n, v]
    for v in range(count):
        tie[v] = row[variants.timing[v]]
        value[v] += tie[v] * variants.static_j[v]
    if goal == EDP:
        for v in range(count):
            value[v] *= tie[v]
    elif goal == LATENCY:
        for v in range(count):
            value[v], tie[v] = tie[v], value[v]


@inner
def may_win(goal: int, base_j: float, row: Floats, variants: Variants, best: Best) -> bool:
    """Whether what costs at least `row` may be the best mapping of some accelerator."""
    weigh(goal, base_j, row, variants, best)
    if not _is_better_somewhere(best):
        return False
    _note_wins(row, variants, best)
    for v in range(best.value.size):
        if best.wins[v]:
            return True
    return False


@inner
def _is_better_somewhere(best: Best) -> bool:
    """After `weigh`, whether or not it fits."""
    value, tie = best.weighed[0], best.weighed[1]
    better = 0
    for v in range(best.value.size):
        ties = (value[v] <= best.value[v] * SLACK) & (tie[v] * SLACK < best.tie[v])
        better += (value[v] * SLACK < best.value[v]) | ties
    return better > 0


@inner
def _note_wins(row: Floats, variants: Variants, best: Best) -> None:
    """Note where a row is better than the best mapping, and fits, after `weigh`."""
    value, tie, wins = best.weighed[0], best.weighed[1], best.wins
    count, levels = best.value.size, variants.sized.shape[0]
    for v in range(count):
        ties = (value[v] <= best.value[v] * SLACK) & (tie[v] * SLACK < best.tie[v])
        wins[v] = (value[v] * SLACK < best.value[v]) | ties
    for n in range(levels):
        need = row[row.size - levels + n]
        if need > 0.0:
            for v in range(count):
                wins[v] &= need <= variants.sized[n, v]


@inner
def enter(m: int, best: Best) -> None:
    """Make mapping `m` the best of every accelerator on which it is, after `may_win`."""
    for v in range(best.value.size):
        if best.wins[v]:
            best.value[v], best.tie[v], best.mapping[v] = best.weighed[0, v], best.weighed[1, v], m

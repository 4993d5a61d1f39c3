"""Which mapping is best on which accelerator, for what is wanted?"""

from __future__ import annotations

from typing import NamedTuple

from coexplore.cost._compile import inlined, inner
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
    alike: Flags
    """(l,) Levels of the same energies on all of them."""


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


@inlined
def weigh(goal: int, base_j: float, row: Floats, variants: Variants, best: Best) -> bool:
    """Fill `best.weighed`: what is minimised, and what breaks a tie, on every accelerator.

    Returns whether it is the best mapping of some accelerator, if it fits.
    """
    levels, count = variants.sized.shape[0], best.value.size
    at = row.size - 3 * levels
    # Plain loops over accelerators, so that they run in vectors.
    value, tie = best.weighed[0], best.weighed[1]
    for n in range(levels):
        if variants.alike[n]:
            base_j += row[at + 2 * n] * variants.read_j[n, 0] + row[at + 2 * n + 1] * variants.write_j[n, 0]
    for v in range(count):
        value[v], tie[v] = base_j, row[variants.timing[v]]
    for n in range(levels):
        if not variants.alike[n]:
            reads, writes = row[at + 2 * n], row[at + 2 * n + 1]
            for v in range(count):
                value[v] += reads * variants.read_j[n, v] + writes * variants.write_j[n, v]
    better = 0
    if goal == EDP:
        for v in range(count):
            value[v] = (value[v] + tie[v] * variants.static_j[v]) * tie[v]
            better += is_better(value[v], tie[v], best.value[v], best.tie[v])
    elif goal == LATENCY:
        for v in range(count):
            value[v], tie[v] = tie[v], value[v] + tie[v] * variants.static_j[v]
            better += is_better(value[v], tie[v], best.value[v], best.tie[v])
    else:
        for v in range(count):
            value[v] += tie[v] * variants.static_j[v]
            better += is_better(value[v], tie[v], best.value[v], best.tie[v])
    return better > 0


@inlined
def is_better(value: float, tie: float, other: float, other_tie: float) -> bool:
    """Whether one mapping is better than another."""
    return (value * SLACK < other) | ((value <= other * SLACK) & (tie * SLACK < other_tie))


@inlined
def may_win(goal: int, base_j: float, row: Floats, variants: Variants, best: Best) -> bool:
    """Whether what costs at least `row` may be the best mapping of some accelerator; notes of which."""
    if not weigh(goal, base_j, row, variants, best):
        return False
    value, tie, wins = best.weighed[0], best.weighed[1], best.wins
    count, levels = best.value.size, variants.sized.shape[0]
    for v in range(count):
        wins[v] = is_better(value[v], tie[v], best.value[v], best.tie[v])
    for n in range(levels):
        need = row[row.size - levels + n]
        if need > 0.0:
            for v in range(count):
                wins[v] &= need <= variants.sized[n, v]
    won = 0
    for v in range(count):
        won += wins[v]
    return won > 0


@inner
def enter(m: int, best: Best) -> None:
    """Make mapping `m` the best of every accelerator on which it is, after `may_win`."""
    for v in range(best.value.size):
        if best.wins[v]:
            best.value[v], best.tie[v], best.mapping[v] = best.weighed[0, v], best.weighed[1, v], m

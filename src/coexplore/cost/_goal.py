"""Which mapping is best on which accelerator, for what is wanted?"""

from __future__ import annotations

from typing import NamedTuple

from coexplore.cost._compile import inner
from coexplore.cost._entry import SLACK
from coexplore.cost.nest import Floats, Ints

LATENCY, ENERGY, EDP = range(3)


class Variants(NamedTuple):
    """Accelerators `v` of one structure, grouped by shape."""

    axis_size: Ints
    """(h, a)"""
    begin: Ints
    """(h + 1,) Where the accelerators of a shape begin."""
    timing: Ints
    """(v,) Timing class."""
    sized: Ints
    """(l, v) Size class of every level."""
    read_j: Floats
    """(l, v)"""
    write_j: Floats
    """(l, v)"""
    static_j: Floats
    """(v,) Per cycle."""


class Best(NamedTuple):
    """The best mapping of every accelerator `v`."""

    value: Floats
    tie: Floats
    mapping: Ints
    """In the pool; negative as long as there is none."""
    unrolling: Ints
    """The fastest one, whether it fits or not."""


@inner
def _weigh(goal: int, cycles: float, energy: float) -> tuple[float, float]:
    """What is minimised, and what breaks a tie."""
    if goal == LATENCY:
        return cycles, energy
    if goal == ENERGY:
        return energy, cycles
    return cycles * energy, cycles


@inner
def _energy(v: int, base_j: float, cycles: float, levels: int, row: Floats, variants: Variants) -> float:
    energy, at = base_j, row.size - 3 * levels
    for n in range(levels):
        energy += row[at + 2 * n] * variants.read_j[n, v] + row[at + 2 * n + 1] * variants.write_j[n, v]
    return energy + cycles * variants.static_j[v]


@inner
def may_win(goal: int, base_j: float, row: Floats, variants: Variants, first: int, stop: int, best: Best) -> bool:
    """Whether what costs at least `row` may be the best mapping of one of the accelerators [first, stop)."""
    levels = variants.sized.shape[0]
    sized = row.size - levels
    for v in range(first, stop):
        cycles = row[variants.timing[v]]
        value, tie = _weigh(goal, cycles, _energy(v, base_j, cycles, levels, row, variants))
        if value * SLACK < best.value[v] or (value <= best.value[v] * SLACK and tie * SLACK < best.tie[v]):
            fits = True
            for n in range(levels):
                fits = fits and row[sized + n] <= variants.sized[n, v]
            if fits:
                return True
    return False


@inner
def enter(
    goal: int, base_j: float, m: int, row: Floats, variants: Variants, first: int, stop: int, best: Best
) -> None:  # fmt: skip
    """Make mapping `m` the best of every accelerator on which it is."""
    levels = variants.sized.shape[0]
    sized = row.size - levels
    for v in range(first, stop):
        cycles = row[variants.timing[v]]
        value, tie = _weigh(goal, cycles, _energy(v, base_j, cycles, levels, row, variants))
        if value * SLACK < best.value[v] or (value <= best.value[v] * SLACK and tie * SLACK < best.tie[v]):
            fits = True
            for n in range(levels):
                fits = fits and row[sized + n] <= variants.sized[n, v]
            if fits:
                best.value[v], best.tie[v], best.mapping[v] = value, tie, m

"""Which accelerators are worth looking at? The complete front of one network, and those that can be best for any.

Axes: `o` ops, `a` accelerators. Everything is a loss: smaller is better. +inf is a pair that cannot run. Both speak of
the mappings under which ops were priced, each the best for its own goal; a network's energy-delay product may be lower
under others (`coexplore.cost.edp`).

Both keep one of exact equals, the one of lowest index, as `coexplore.objectives.pareto.non_dominated` does; `equals`
gives the others back. Equals are common: a mesh and its mirror image cost the same.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import AcceleratorError
from coexplore.cost._front import sift, sweep

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

INFEASIBLE = 2.0
"""Of a scaled loss; finite ones reach from 0 to 1."""
MARKS, SAMPLED = 16, 2048
"""Rows that tell most accelerators apart, and the accelerators by which they are chosen; both change speed only."""


def pareto(latency_s: Floats, energy_j: Floats, area_mm2: Floats) -> Ints:
    """The front over (latency, energy, area): every point that no other one beats, proven by looking at all.

    Args:
        latency_s: (a,) +inf where the network cannot run; such a point is never on the front.
        energy_j: (a,)
        area_mm2: (a,)

    Returns:
        Rising indices. Of points alike in all three only the first is kept.

    Raises:
        AcceleratorError: lengths differ, or a loss is nan.
    """
    _check(latency_s[None], energy_j[None], area_mm2)
    runs = np.flatnonzero(np.isfinite(latency_s) & np.isfinite(energy_j) & np.isfinite(area_mm2))
    latency, energy, area = (losses[runs].astype(np.float64) for losses in (latency_s, energy_j, area_mm2))
    order = np.lexsort((area, energy, latency))
    _, ranks = np.unique(energy[order], return_inverse=True)
    kept = np.zeros(len(order), np.bool_)
    sweep(ranks.astype(np.int64), area[order], kept)
    return np.sort(runs[order[kept]])


def undominated(latency_s: Floats, energy_j: Floats, area_mm2: Floats) -> Ints:
    """Accelerators of which no other is at least as good in every op's latency and energy and in area.

    Costs of networks are sums of op costs with counts that are not negative, correctly rounded, and rounding keeps
    order. So whatever network made of these ops, and whatever objective or limit that never rewards a higher latency,
    energy or area: dropping all other accelerators changes no optimum and no front, in value. Where two accelerators
    are equal for one network but not in every op, the one that stays may be of higher index.

    Args:
        latency_s: (o, a) +inf where an op cannot run.
        energy_j: (o, a)
        area_mm2: (a,)

    Returns:
        Rising indices. Of accelerators alike in everything only the first is kept.

    Raises:
        AcceleratorError: shapes differ, or a loss is nan.
    """
    _check(latency_s, energy_j, area_mm2)
    if not len(area_mm2):
        return np.empty(0, np.int64)
    ops = len(latency_s)
    columns = np.empty((len(area_mm2), 2 * ops + 1))
    columns[:, :ops], columns[:, ops:-1], columns[:, -1] = latency_s.T, energy_j.T, area_mm2
    sums, kept = _scaled_sums((*latency_s, *energy_j, area_mm2)), np.empty(len(columns), np.int64)
    marks = np.ascontiguousarray(columns[:, _unlike(columns)])
    count = sift(columns, marks, sums, np.argsort(sums, kind="stable"), kept)
    return np.sort(kept[:count])


def equals(latency_s: Floats, energy_j: Floats, area_mm2: Floats, index: int) -> Ints:
    """Rising indices of all points exactly like one of them, itself included; each (a,)."""
    same = (latency_s == latency_s[index]) & (energy_j == energy_j[index]) & (area_mm2 == area_mm2[index])
    return np.flatnonzero(same)


def _check(latency_s: Floats, energy_j: Floats, area_mm2: Floats) -> None:
    if latency_s.shape != energy_j.shape or area_mm2.shape != latency_s.shape[1:]:
        raise AcceleratorError(
            f"latency, energy and area have shapes {latency_s.shape}, {energy_j.shape} and {area_mm2.shape}; "
            "give one column of each to every accelerator"
        )
    for name, losses in (("latency", latency_s), ("energy", energy_j), ("area", area_mm2[None])):
        if np.isnan(losses).any():
            row, column = (int(found[0]) for found in np.nonzero(np.isnan(losses)))
            raise AcceleratorError(f"{name}: row {row} of accelerator {column} is nan; what cannot run costs inf")


def _scaled_sums(losses: Iterable[Floats]) -> Floats:
    """(a,) Sums of rows of like size, added row by row, so that covering means a sum no larger despite rounding."""
    sums: Floats = np.zeros(1)
    for row in losses:
        finite = np.isfinite(row)
        largest = np.abs(row[finite]).max(initial=0.0) or 1.0
        sums = sums + np.where(finite, row / largest, INFEASIBLE)
    return sums


def _unlike(columns: Floats) -> Ints:
    """The last row, then rows each as unlike the ones before as can be, by the order in which they put some columns."""
    sample = columns[:: -(-len(columns) // SAMPLED)].T
    ranks = sample.argsort(axis=1).argsort(axis=1).astype(np.float64)
    ranks -= ranks.mean(axis=1, keepdims=True)
    alike = ranks @ ranks[-1]
    chosen = [len(sample) - 1]
    while len(chosen) < min(MARKS, len(sample)):
        chosen.append(int(np.argmin(alike)))
        alike = np.maximum(alike, ranks @ ranks[chosen[-1]])
    return np.array(chosen)

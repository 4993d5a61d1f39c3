"""Which accelerators are worth looking at? The complete front of one network, and those that can be best for any.

Axes: `o` ops, `a` accelerators. Everything is a loss: smaller is better. +inf is a pair that cannot run.

Both keep one of exact equals, the one of lowest index, as `coexplore.objectives.pareto.non_dominated` does; `equals`
gives the others back. Equals are common: a mesh and its mirror image cost the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import AcceleratorError
from coexplore.cost._front import sift, sweep

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

INFEASIBLE = 2.0
"""Of a scaled loss; finite ones reach from 0 to 1."""


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
    losses = _losses(latency_s[None], energy_j[None], area_mm2)
    runs = np.flatnonzero(np.isfinite(losses).all(axis=0))
    latency, energy, area = losses[:, runs]
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
    losses = _losses(latency_s, energy_j, area_mm2)
    columns = np.ascontiguousarray(losses.T)
    sums = _scaled_sums(losses)
    kept = np.empty(len(columns), np.int64)
    count = sift(columns, sums, np.argsort(sums, kind="stable"), kept)
    return np.sort(kept[:count])


def equals(latency_s: Floats, energy_j: Floats, area_mm2: Floats, index: int) -> Ints:
    """Rising indices of all points exactly like one of them, itself included; each (a,)."""
    same = (latency_s == latency_s[index]) & (energy_j == energy_j[index]) & (area_mm2 == area_mm2[index])
    return np.flatnonzero(same)


def _losses(latency_s: Floats, energy_j: Floats, area_mm2: Floats) -> Floats:
    """All rows below each other, the area last: (2 o + 1, a)."""
    if latency_s.shape != energy_j.shape or area_mm2.shape != latency_s.shape[1:]:
        raise AcceleratorError(
            f"latency, energy and area have shapes {latency_s.shape}, {energy_j.shape} and {area_mm2.shape}; "
            "give one column of each to every accelerator"
        )
    losses = np.vstack([latency_s, energy_j, area_mm2[None]]).astype(np.float64, copy=False)
    if np.isnan(losses).any():
        row, column = (int(found[0]) for found in np.nonzero(np.isnan(losses)))
        raise AcceleratorError(f"loss {row} of accelerator {column} is nan; what cannot run costs inf")
    return losses


def _scaled_sums(losses: Floats) -> Floats:
    """(a,) Sums of rows of like size, added row by row, so that covering means a sum no larger despite rounding."""
    sums = np.zeros(losses.shape[1])
    for row in losses:
        finite = np.isfinite(row)
        largest = np.abs(row[finite]).max(initial=0.0) or 1.0
        sums += np.where(finite, row / largest, INFEASIBLE)
    return sums

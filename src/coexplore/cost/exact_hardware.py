"""Which accelerator is best for a network, of all there are? Found by looking at every one; or why none will do.

Axes: `o` ops, `a` accelerators. Latency and energy of an accelerator are those of its ops' mappings, each the best for
the goal of the grid; among those, and only those, the answer is the optimum. Where the goal is the energy-delay
product, other mappings may give a network a lower one (`coexplore.cost.edp`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import ConfigError
from coexplore.cost.candidates import BlockedOp, Candidates
from coexplore.cost.front import equals, pareto
from coexplore.objectives.metrics import Metrics
from coexplore.objectives.objective import Constraint, Objective

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Best:
    """The optimum, and what else there is."""

    index: int
    """Lowest in the objective, then in energy, area, latency and index."""
    equal: Ints
    """Rising indices of all accelerators with exactly its latency, energy and area."""
    front: Ints
    """Rising indices of the complete front over (latency, energy, area) of all that meet the constraints."""
    feasible: int
    """Accelerators that run the network and meet all constraints."""
    searched: int
    """All accelerators."""


@dataclass(frozen=True, slots=True)
class MissedLimit:
    """A constraint and how near the accelerators that run the network come to meeting it."""

    constraint: Constraint
    met_by: int
    """Accelerators that meet this one, whatever the others."""
    nearest: int
    """The accelerator nearest to meeting it."""
    metrics: Metrics
    """Of that accelerator."""
    excess_share: float
    """By which part of the limit that misses; 0 where it is met."""


@dataclass(frozen=True, slots=True)
class Infeasible:
    """No accelerator runs the network within the limits: why, and which comes nearest."""

    reason: str
    blocked: tuple[BlockedOp, ...]
    limits: tuple[MissedLimit, ...]
    """Every constraint; empty where no accelerator runs the network."""
    nearest: int | None
    """The accelerator whose worst excess is smallest, then of lowest objective as for `Best`; None where none runs."""
    excess_share: tuple[tuple[Constraint, float], ...]
    """The constraints that the nearest breaks, worst first, and by which part of its limit."""


def best_accelerators(
    candidates: Candidates, objective: Objective, constraints: Sequence[Constraint] = ()
) -> Best | Infeasible:
    """The optimum over all accelerators, or the reason why there is none.

    Args:
        candidates: one network on every accelerator.
        objective: what the optimum minimises or maximises.
        constraints: all must be met; a value on the bound is legal.

    Raises:
        ConfigError: a metric is not known of these accelerators, or there is no accelerator.
    """
    if not len(candidates.area_mm2):
        raise ConfigError("candidates: there is no accelerator to choose from; give at least one")
    losses, excesses = candidates.losses(objective), candidates.excess_shares(constraints)
    feasible = np.flatnonzero(candidates.runs & (excesses == 0).all(axis=0))
    if not len(feasible):
        return _infeasible(candidates, losses, constraints, excesses)
    latency, energy, area = candidates.latency_s, candidates.energy_j, candidates.area_mm2
    best = candidates.first(feasible, losses)
    front = feasible[pareto(latency[feasible], energy[feasible], area[feasible])]
    return Best(best, equals(latency, energy, area, best), front, len(feasible), len(area))


def _infeasible(
    candidates: Candidates, losses: Floats, constraints: Sequence[Constraint], excesses: Floats
) -> Infeasible:
    running = np.flatnonzero(candidates.runs)
    if not len(running):
        return Infeasible(_nothing_runs(candidates), candidates.blocked, (), None, ())
    limits = tuple(
        _limit(candidates, constraint, row, running) for constraint, row in zip(constraints, excesses, strict=True)
    )
    nearest = candidates.first(running, excesses.max(axis=0, initial=0.0), losses)
    broken = [(c, float(row[nearest])) for c, row in zip(constraints, excesses, strict=True) if row[nearest] > 0]
    broken.sort(key=lambda entry: -entry[1])
    return Infeasible(_reason(candidates, limits, len(running)), candidates.blocked, limits, nearest, tuple(broken))


def _limit(candidates: Candidates, constraint: Constraint, excesses: Floats, running: Ints) -> MissedLimit:
    nearest = int(running[np.argmin(excesses[running])])
    met_by = int((excesses[running] == 0).sum())
    return MissedLimit(constraint, met_by, nearest, candidates.metrics(nearest), float(excesses[nearest]))


def _nothing_runs(candidates: Candidates) -> str:
    accelerators = len(candidates.area_mm2)
    head = f"none of {accelerators} accelerators runs the network"
    if not candidates.blocked:
        return head
    worst = candidates.blocked[0]
    more = f" (and {len(candidates.blocked) - 1} more ops on some)" if len(candidates.blocked) > 1 else ""
    why = f": {worst.reason}" if worst.reason else ""
    return f"{head}; op {worst.op!r} cannot run on {worst.accelerators}{why}{more}"


def _reason(candidates: Candidates, limits: Sequence[MissedLimit], running: int) -> str:
    accelerators = len(candidates.area_mm2)
    who = f"{running} accelerators" if running == accelerators else f"the {running} of {accelerators} that run it"
    missed = [limit for limit in limits if not limit.met_by]
    if not missed:
        counts = ", ".join(f"{limit.constraint} by {limit.met_by}" for limit in limits)
        return f"each limit is met by some of {who}, but all by none ({counts})"
    worst = max(missed, key=lambda limit: limit.excess_share)
    more = f" (and {len(missed) - 1} more limits that none meets)" if len(missed) > 1 else ""
    value = worst.metrics[worst.constraint.metric]
    return f"none of {who} meets {worst.constraint}: the nearest has {value:.6g}, {_beyond(worst)} the limit{more}"


def _beyond(limit: MissedLimit) -> str:
    """How far from the limit, as a factor where there is one."""
    value = limit.metrics[limit.constraint.metric]
    bounds = [bound for bound in (limit.constraint.at_most, limit.constraint.at_least) if bound is not None]
    bound = min(bounds, key=lambda bound: abs(value - bound))
    return f"{value / bound:.4g} times" if bound else f"{abs(value):.4g} beyond"

"""Which design of a joint front is best under some limits? Or which comes closest, and by how much does it miss?

What is asked here must never reward a slower, hungrier, larger or less accurate design. Then whatever pair is optimal
has an equal on the complete front, and so has the pair whose worst excess over the limits is smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coexplore.core.errors import ConfigError
from coexplore.cost.candidates import Candidates
from coexplore.cost.exact_hardware import Best, best_accelerators
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.studies.joint_front import JointFront

FALLING = ("latency_s", "energy_j", "edp_js", "area_mm2")
"""Metrics that may be limited from above and minimised."""
RISING = ("accuracy", "throughput_per_s")
"""Metrics that may be limited from below and maximised."""
MOST_ACCURATE = Objective("accuracy", Direction.MAXIMIZE)


@dataclass(frozen=True, slots=True)
class Optimum:
    """A design that meets all limits."""

    design: int
    """Of the front: best in the objective, then in energy, area and latency."""


@dataclass(frozen=True, slots=True)
class Missed:
    """No pair meets the limits."""

    design: int
    """Of the front: the worst of its excesses is the smallest there is."""
    broken: tuple[tuple[Constraint, float], ...]
    """The limits it breaks, worst first, and by which part of each."""
    reason: str


def why_unordered(objectives: Sequence[Objective], constraints: Sequence[Constraint]) -> str:
    """What of wishes and limits a front over (accuracy, latency, energy, area) cannot answer; empty for nothing."""
    for objective in objectives:
        if objective.metric not in (RISING if objective.direction is Direction.MAXIMIZE else FALLING):
            return f"an objective is {objective.metric}, which does not follow from {_known()}"
    for constraint in constraints:
        bad = constraint.at_least is not None and constraint.metric not in RISING
        if bad or (constraint.at_most is not None and constraint.metric not in FALLING):
            return f"a limit is {constraint}; only upper ones on {', '.join(FALLING)} and lower ones on {_both()} order"
    return ""


def optimum(
    front: JointFront, constraints: Sequence[Constraint], objective: Objective = MOST_ACCURATE
) -> Optimum | Missed:
    """The best design of all pairs under some limits, or the closest.

    Args:
        front: complete, with area where a limit or the objective is about area.
        constraints: all must be met; a value on the bound is legal.
        objective: what is best.

    Raises:
        ConfigError: the front is empty, or a limit or the objective is none of those that a front can answer.
    """
    if not len(front):
        raise ConfigError("front: it has no design to choose from")
    if reason := why_unordered([objective], constraints):
        raise ConfigError(f"constraints: {reason}")
    others = (("accuracy", front.accuracy),)
    candidates = Candidates(front.latency_s, front.energy_j, front.area_mm2, (), others)
    found = best_accelerators(candidates, objective, constraints)
    if isinstance(found, Best):
        return Optimum(found.index)
    assert found.nearest is not None
    return Missed(found.nearest, found.excess_share, _reason(candidates, found.nearest, found.excess_share))


def _reason(candidates: Candidates, design: int, broken: Sequence[tuple[Constraint, float]]) -> str:
    metrics = candidates.metrics(design)
    told = ", ".join(
        f"{constraint.metric} of {metrics[constraint.metric]:.6g} misses {constraint} by {100 * share:.3g} %"
        for constraint, share in broken
    )
    return f"no pair of network and accelerator meets all limits; of the closest, {told}"


def _known() -> str:
    return ", ".join((*FALLING, *RISING))


def _both() -> str:
    return " and ".join(RISING)

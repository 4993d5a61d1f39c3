"""What is wanted, and what is not allowed? Objectives, constraints, and whether a design meets them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from coexplore.core.errors import ConfigError, EvaluationError
from coexplore.objectives.metrics import METRICS, Direction, Metrics


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric and the direction to push it.

    Raises:
        UnknownNameError: there is no such metric.
    """

    metric: str
    direction: Direction

    def __post_init__(self) -> None:
        METRICS.get(self.metric)

    def loss(self, metrics: Metrics) -> float:
        """The metric with the sign that makes smaller better; +inf where it was not measured or is not a number."""
        value = metrics.get(self.metric, math.nan)
        if math.isnan(value):
            return math.inf
        return -value if self.direction is Direction.MAXIMIZE else value


@dataclass(frozen=True, slots=True)
class Constraint:
    """A metric and its bounds, in the unit of the metric; a value on the bound is legal.

    Raises:
        UnknownNameError: there is no such metric.
        ConfigError: no bound, a bound that is not a number, or bounds that no design can meet.
    """

    metric: str
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        metric = METRICS.get(self.metric)
        bounds = [bound for bound in (self.at_most, self.at_least) if bound is not None]
        if not bounds:
            raise ConfigError(f"constraint on {self.metric}: no bound; give at_most, at_least or both")
        if not all(math.isfinite(bound) for bound in bounds):
            raise ConfigError(f"constraint on {self.metric}: bounds must be finite, not {bounds}")
        if self.at_most is not None and self.at_most < 0:
            raise ConfigError(f"constraint {self}: never met, because {self.metric} is never negative")
        if self.at_least is not None and self.at_least > metric.largest:
            raise ConfigError(
                f"constraint {self}: never met, because {self.metric} ({metric.unit}) is at most {metric.largest:g}"
            )
        if self.at_most is not None and self.at_least is not None and self.at_most < self.at_least:
            raise ConfigError(f"constraint {self}: never met, because at_most is below at_least")

    def __str__(self) -> str:
        low = "" if self.at_least is None else f"{self.at_least:g} <= "
        high = "" if self.at_most is None else f" <= {self.at_most:g}"
        return f"{low}{self.metric}{high}"

    def slack(self, metrics: Metrics) -> float:
        """Distance to the nearer bound, in the unit of the metric: >= 0 where met, -inf where not a number.

        Raises:
            EvaluationError: the metric was not measured.
        """
        return min(slack for slack, _ in self._slacks(metrics))

    def violation(self, metrics: Metrics) -> float:
        """How far beyond the bound, as a fraction of the bound (in the unit where the bound is 0); 0 where met.

        Raises:
            EvaluationError: the metric was not measured.
        """
        return max(max(-slack, 0.0) / (abs(bound) or 1.0) for slack, bound in self._slacks(metrics))

    def explain(self, metrics: Metrics) -> str:
        """Value, bound and distance in words, for a design that breaks the constraint."""
        slack, bound = min(self._slacks(metrics))
        value, unit = metrics[self.metric], METRICS.get(self.metric).unit
        side = "below at_least" if value < bound else "above at_most"
        percent = f" ({100 * self.violation(metrics):.3g} %)" if bound else ""
        return f"{self.metric} is {value:.6g} {unit}, {-slack:.4g} {unit}{percent} {side} = {bound:g}"

    def _slacks(self, metrics: Metrics) -> list[tuple[float, float]]:
        if self.metric not in metrics:
            raise EvaluationError(f"constraint {self}: {self.metric} was not measured")
        value = metrics[self.metric]
        pairs = []
        if self.at_most is not None:
            pairs.append((self.at_most - value, self.at_most))
        if self.at_least is not None:
            pairs.append((value - self.at_least, self.at_least))
        return [(-math.inf if math.isnan(slack) else slack, bound) for slack, bound in pairs]


@dataclass(frozen=True, slots=True)
class Feasibility:
    """Yes, or no with the reason and how far."""

    feasible: bool
    reason: str = ""
    violation: float = 0.0
    """Sum of the relative violations of all broken constraints; 0 where feasible."""


def feasibility(constraints: Sequence[Constraint], metrics: Metrics) -> Feasibility:
    """Judge what has been measured; constraints on metrics that are absent are left for later.

    The reason names the constraint that is broken worst, relative to its bound.
    """
    judged = [constraint for constraint in constraints if constraint.metric in metrics]
    broken = [constraint for constraint in judged if constraint.slack(metrics) < 0]
    if not broken:
        return Feasibility(True)
    worst = max(broken, key=lambda constraint: constraint.violation(metrics))
    others = f" (and {len(broken) - 1} more broken)" if len(broken) > 1 else ""
    total = sum(constraint.violation(metrics) for constraint in broken)
    return Feasibility(False, worst.explain(metrics) + others, total)


def check_consistent(constraints: Sequence[Constraint]) -> None:
    """Refuse constraints that no design can meet together.

    Raises:
        ConfigError: naming the two that contradict each other.
    """
    for (first, a), (second, b) in itertools.combinations(enumerate(constraints), 2):
        if a.metric == b.metric and (_below(a, b) or _below(b, a)):
            raise ConfigError(
                f"constraints[{first}] ({a}) and constraints[{second}] ({b}) contradict: no design can meet both"
            )


def _below(a: Constraint, b: Constraint) -> bool:
    """Whether everything that `a` allows is below everything that `b` allows."""
    return a.at_most is not None and b.at_least is not None and a.at_most < b.at_least

"""How does a new point come from old ones? Steps of breeding that are joined by `>>` into a sentence.

References:
    Deb2000: K. Deb, An efficient constraint handling method for genetic algorithms, Computer Methods in Applied
        Mechanics and Engineering 186, 2000. The rule of `best`.
    Real2019: E. Real, A. Aggarwal, Y. Huang, Q. V. Le, Regularized evolution for image classifier architecture
        search, AAAI 2019, arXiv 1802.01548. `tournament` and `mutate_one_decision`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from coexplore.objectives.pareto import non_dominated
from coexplore.spaces.space import Point, Space
from coexplore.strategies.strategy import Observation

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

Herd = Sequence[Observation]


@dataclass(frozen=True, slots=True)
class Operator(Generic[A, B]):
    """One step: takes what the step before gave, and the generator where it draws."""

    apply: Callable[[A, np.random.Generator], B]

    def __call__(self, given: A, rng: np.random.Generator) -> B:
        """Do the step."""
        return self.apply(given, rng)

    def __rshift__(self, then: Operator[B, C]) -> Operator[A, C]:
        """This step, then the other."""
        return Operator(lambda given, rng: then(self(given, rng), rng))


def tournament(size: int) -> Operator[Herd, Herd]:
    """`size` members drawn without replacement; all of them from a smaller herd."""

    def draw(herd: Herd, rng: np.random.Generator) -> Herd:
        chosen = rng.choice(len(herd), size=min(size, len(herd)), replace=False)
        return [herd[int(i)] for i in chosen]

    return Operator(draw)


def best() -> Operator[Herd, Observation]:
    """The member the others should be like.

    Feasible before infeasible, and of the infeasible the one that misses least (Deb2000, section 3); of the
    feasible the one of highest reward among those that no other member dominates.
    """
    return Operator(lambda herd, _: _best(herd))


def mutate_one_decision(space: Space) -> Operator[Observation, Point]:
    """The point with one decision changed, uniformly among its neighbours; itself in a space of one point."""

    def mutate(parent: Observation, rng: np.random.Generator) -> Point:
        return space.neighbour(parent.point, rng) or parent.point

    return Operator(mutate)


def _best(herd: Herd) -> Observation:
    feasible = [member for member in herd if member.feasible]
    if not feasible:
        return min(herd, key=lambda member: (member.shortfall, -member.reward))
    front = non_dominated(np.array([member.losses for member in feasible], dtype=np.float64))
    return max(
        (member for member, leads in zip(feasible, front, strict=True) if leads),
        key=lambda member: member.reward,
    )

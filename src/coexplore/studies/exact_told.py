"""How do the survivors of a priced space become trials? As suggestions in their order, at prices that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from coexplore.accelerators.accelerator import Accelerator
from coexplore.design import Design
from coexplore.spaces.space import Point, Space
from coexplore.strategies.in_order import InOrder
from coexplore.strategies.strategy import Stage, Strategy
from coexplore.studies.exact_solution import Solution
from coexplore.studies.problem import Priced, Problem


def told(problem: Problem, solution: Solution) -> Problem:
    """The problem whose driver tells a solution: its front as trials, or what comes nearest as a mere price."""
    survivors = solution.front or ((solution.nearest,) if solution.nearest is not None else ())
    points = tuple(problem.space.point(survivor.point) for survivor in survivors)
    chips = (problem.designs.decode(point).chip for point in points)
    prices = {chip: Priced(survivor.metrics) for chip, survivor in zip(chips, survivors, strict=True)}
    stage = Stage.TRAIN if solution.front else Stage.PRICE
    return replace(problem, strategy=Listed(points, stage), pricer=KnownPrices(prices))


@dataclass(frozen=True, slots=True)
class KnownPrices:
    """Prices that were found before."""

    prices: Mapping[Accelerator, Priced]

    def __call__(self, design: Design) -> Priced:
        """The price of a design, which is among the known ones."""
        return self.prices[design.chip]


@dataclass(frozen=True, slots=True)
class Listed:
    """Suggests some points in their order."""

    points: tuple[Point, ...]
    stage: Stage

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """From the first of them; neither space nor generator plays a part."""
        return InOrder(lambda: iter(self.points), self.stage)

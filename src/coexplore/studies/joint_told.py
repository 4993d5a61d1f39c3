"""How do the designs of a joint front become trials? As suggestions in their order, at prices that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from coexplore.accelerators.family import Hardware
from coexplore.design import Design
from coexplore.spaces.space import Point
from coexplore.strategies.strategy import Stage
from coexplore.studies.exact_told import Listed
from coexplore.studies.joint_solution import JointSolution
from coexplore.studies.problem import Priced, Problem


def told(problem: Problem, solution: JointSolution) -> Problem:
    """The problem whose driver tells a solution: its front as trials, or what comes nearest as a mere price."""
    survivors = solution.front or ((solution.nearest,) if solution.nearest is not None else ())
    points = tuple(problem.space.point(survivor.point) for survivor in survivors)
    designs = [problem.designs.decode(point) for point in points]
    prices = {
        (design.network.point, design.accelerator): Priced(survivor.metrics)
        for design, survivor in zip(designs, survivors, strict=True)
    }
    stage = Stage.TRAIN if solution.front else Stage.PRICE
    return replace(problem, strategy=Listed(points, stage), pricer=KnownDesigns(prices))


@dataclass(frozen=True, slots=True)
class KnownDesigns:
    """Prices that were found before."""

    prices: Mapping[tuple[Point, Hardware], Priced]

    def __call__(self, design: Design) -> Priced:
        """The price of a design, which is among the known ones."""
        return self.prices[design.network.point, design.accelerator]

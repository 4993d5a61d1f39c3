"""What does a design cost when the search for each mapping has a limit? For accelerators that take long to search."""

from __future__ import annotations

from dataclasses import dataclass

from coexplore.cost.model import Goal, price
from coexplore.cost.residency import Residency
from coexplore.design import Design
from coexplore.studies.problem import Priced


@dataclass(frozen=True, slots=True)
class LimitedPricer:
    """Prices a design with the best mapping of every op that a limited search finds.

    No `CostPricer`: such prices prove nothing, so what rests on the best mappings of a whole space refuses them.
    """

    goal: Goal
    """What the mappings minimise."""
    residency: Residency
    """What is assumed to stay on chip."""
    limit: int
    """Tiles that the search for a mapping looks at."""

    def __call__(self, design: Design) -> Priced:
        """Cost metrics and the largest gap of an op, or which op cannot run."""
        cost = price(design.network.workload(), design.chip, self.goal, residency=self.residency, limit=self.limit)
        if cost.feasible:
            return Priced({**cost.metrics(), "mapping_gap": cost.largest_gap or 0.0})
        return Priced({"area_mm2": cost.area_mm2}, cost.reason)

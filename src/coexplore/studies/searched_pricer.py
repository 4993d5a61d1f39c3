"""What does a design cost when mappings are searched, not solved? The inner loop of a nested search as a price."""

from __future__ import annotations

from dataclasses import dataclass

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost.mapping import Mapping
from coexplore.cost.model import price
from coexplore.design import Design
from coexplore.studies.mapping_search import FoundMapping, MappingSearch
from coexplore.studies.problem import Priced
from coexplore.workloads.graph import Workload


@dataclass(frozen=True, slots=True)
class SearchedPricer:
    """Prices a design with the mappings that a search finds.

    Energy and latency are sums over the ops, so the EDP of a design is that of the sums; each mapping minimises its
    own.
    """

    search: MappingSearch

    def __call__(self, design: Design) -> Priced:
        """Cost metrics, or the first op without a mapping; the violation is the share of ops that have none."""
        workload = design.network.workload()
        found = self.found(workload, design.chip)
        blocked = [name for name, outcome in found.items() if outcome.mapping is None]
        if blocked:
            reason = f"op {blocked[0]!r}: {found[blocked[0]].reason}"
            more = f" (and {len(blocked) - 1} more ops)" if len(blocked) > 1 else ""
            return Priced({"area_mm2": design.chip.area_mm2}, reason + more, len(blocked) / len(found))
        mappings = {name: outcome.mapping for name, outcome in found.items() if outcome.mapping is not None}
        cost = price(workload, design.chip, self.search.goal, mappings)
        return Priced(cost.metrics(), cost.reason)

    def found(self, workload: Workload, accelerator: Accelerator) -> dict[str, FoundMapping]:
        """What the search finds for every op that multiplies and accumulates, by name."""
        return {op.name: self.search.find(loops, accelerator) for op, loops in workload.mac_ops()}

    def mappings(self, workload: Workload, accelerator: Accelerator) -> dict[str, Mapping] | None:
        """The mapping of every op by name; None where some op has none."""
        found = {name: outcome.mapping for name, outcome in self.found(workload, accelerator).items()}
        mappings = {name: mapping for name, mapping in found.items() if mapping is not None}
        return mappings if len(mappings) == len(found) else None

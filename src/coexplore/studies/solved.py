"""Which accelerator is best for the network that was just suggested? Asked of all of them, at prices of ops kept.

For studies with the strategy `exact-hardware`. The distinct ops of the networks that come by are priced on every
accelerator once; a network is then a sum of rows (`network_sums`), and its best accelerator a look at all sums. So a
search pays for accuracy alone, and the optimum over hardware is exact under the mappings that are best for the study's
`mapping_goal`, whatever stays on chip.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import ConfigError, SpaceError, WorkloadError
from coexplore.cost.candidates import Candidates
from coexplore.cost.exact_hardware import Best, Infeasible, best_accelerators
from coexplore.design import ACCELERATOR, NETWORK, Design
from coexplore.objectives.metrics import METRICS, Direction, Source
from coexplore.objectives.objective import Objective
from coexplore.spaces.space import Point, factor
from coexplore.strategies.exact_hardware import DEFAULT_METRIC, Completed, ExactHardware, Solved
from coexplore.studies.network_sums import NetworkSum, NetworkSums
from coexplore.studies.op_prices import existing
from coexplore.studies.problem import Priced, Pricer, Problem
from coexplore.studies.sources import CostPricer

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRICES_KEPT = 4096
"""Latest designs whose metrics are kept for the driver that prices them next."""
MARGIN = 1e-9
"""Relative; sums in any order differ by less from the true one."""
LOOKED_AT = 64
"""Accelerators whose totals are exact at first, of those that may be best."""
AREA = "area_mm2"
ORDERED = ("latency_s", "energy_j", "edp_js", AREA, "power_w")
"""Costs by which an accelerator may be chosen."""


def check(problem: Problem) -> None:
    """Refuse a search on exact hardware that cannot be.

    Raises:
        ConfigError: says why.
    """
    settings = problem.strategy
    if not isinstance(settings, ExactHardware):
        return
    if not isinstance(problem.pricer, CostPricer):
        raise ConfigError(
            "strategy.name: is exact-hardware, but its hardware is no accelerator described level by level; tilings "
            "and cuts of pools of FPGAs are solved anyway, so take another strategy"
        )
    size = factor(problem.space, ACCELERATOR).size
    if size > settings.most:
        raise ConfigError(
            f"strategy.most: is {settings.most:,}, but the space has {size:,} accelerators; restrict it, or raise most"
        )
    if chosen_by(problem) not in ORDERED:
        raise ConfigError(f"strategy.minimize: is {chosen_by(problem)!r}; give one of {', '.join(ORDERED)}")


def chosen_by(problem: Problem) -> str:
    """The cost by which accelerators are chosen: as the settings say, else the first objective that is one."""
    assert isinstance(problem.strategy, ExactHardware)
    costs = [objective.metric for objective in problem.objectives if objective.metric in ORDERED]
    return problem.strategy.minimize or next(iter(costs), DEFAULT_METRIC)


def solved(problem: Problem, threads: int) -> Problem:
    """The problem whose strategy searches networks and has their accelerators solved.

    Args:
        problem: one that `check` lets pass, with strategy `exact-hardware`.
        threads: of pricing; the result does not depend on them.

    Raises:
        ConfigError: no point of the space stands for an accelerator.
    """
    assert isinstance(problem.strategy, ExactHardware)
    hardware = Hardware(problem, threads)
    strategy = Solved(problem.strategy, hardware.complete, NETWORK, ACCELERATOR)
    return replace(problem, strategy=strategy, pricer=RememberedPrices(hardware.prices, problem.pricer))


@dataclass(frozen=True, slots=True)
class RememberedPrices:
    """Prices of designs whose accelerator was just found; others are priced again, at the same price."""

    prices: Mapping[tuple[Point, Accelerator], Priced]
    otherwise: Pricer

    def __call__(self, design: Design) -> Priced:
        """The price of a design."""
        found = self.prices.get((design.network.point, design.chip))
        return self.otherwise(design) if found is None else found


class Hardware:
    """All accelerators of a problem, and the prices of ops on them as far as they were asked for.

    Args:
        problem: whose constraints on costs an accelerator should meet.
        threads: of pricing.
    """

    def __init__(self, problem: Problem, threads: int) -> None:
        assert isinstance(problem.pricer, CostPricer)
        self._family = problem.designs.network_family
        self._constraints = [c for c in problem.constraints if METRICS.get(c.metric).source is Source.COST]
        self._objective = Objective(chosen_by(problem), Direction.MINIMIZE)
        assert isinstance(problem.strategy, ExactHardware)
        self._prefer = problem.strategy.size
        points = list(factor(problem.space, ACCELERATOR).enumerate())
        places, chips = existing(problem.designs, points)
        self._points, self._chips = self._small_enough([points[place] for place in places], chips)
        if not self._chips:
            raise ConfigError("accelerator: no point of the space stands for an accelerator; widen it")
        self._area = np.array([chip.area_mm2 for chip in self._chips])
        self._peak = np.array([chip.macs_per_cycle * chip.clock_hz for chip in self._chips])
        self._sums = NetworkSums(self._chips, problem.pricer.goal, problem.pricer.residency, threads)
        self.prices: OrderedDict[tuple[Point, Accelerator], Priced] = OrderedDict()
        """Of the networks completed last."""

    def _small_enough(
        self, points: Sequence[Point], chips: Sequence[Accelerator]
    ) -> tuple[list[Point], list[Accelerator]]:
        """Those within the limit of area; all where none is, as one of them comes nearest."""
        limits = [constraint for constraint in self._constraints if constraint.metric == AREA]
        pairs = list(zip(points, chips, strict=True))
        legal = [pair for pair in pairs if all(c.violation({AREA: pair[1].area_mm2}) == 0 for c in limits)] or pairs
        return [point for point, _ in legal], [chip for _, chip in legal]

    def complete(self, network: Point) -> Completed:
        """The accelerator that is best for a network under the constraints, or that comes nearest to them."""
        try:
            workload = self._family.lower(network)
        except (SpaceError, WorkloadError):
            return Completed(self._points[0], legal=False)
        known = self._sums.of(workload)
        found, candidates, columns = self._search(known)
        chosen = found.index if isinstance(found, Best) else found.nearest
        if chosen is None:
            return Completed(self._points[0], legal=False)
        place, metrics = int(columns[chosen]), candidates.metrics(chosen)
        self._remember(network, self._chips[place], metrics)
        return Completed(self._points[place], isinstance(found, Best), metrics[self._prefer])

    def _search(self, known: NetworkSum) -> tuple[Best | Infeasible, Candidates, Ints]:
        """The optimum, among exact totals of the columns that rough totals leave in question."""
        everything = np.arange(len(self._chips))
        rough = self._candidates(known, *known.rough(), everything)
        losses = rough.losses(self._objective)
        maybe = np.flatnonzero(rough.runs & (rough.excess_shares(self._constraints) <= MARGIN).all(axis=0))
        maybe = maybe[np.argsort(losses[maybe], kind="stable")]
        count = LOOKED_AT
        while len(maybe):
            columns = np.sort(maybe[:count])
            candidates = self._candidates(known, *known.exact(columns), columns)
            found = best_accelerators(candidates, self._objective, self._constraints)
            if isinstance(found, Best):
                least = candidates.losses(self._objective)[found.index]
                if count >= len(maybe) or losses[maybe[count]] > least * (1 + MARGIN):
                    return found, candidates, columns
            if count >= len(maybe):
                break
            count *= 8
        candidates = self._candidates(known, *known.exact(everything), everything)
        return best_accelerators(candidates, self._objective, self._constraints), candidates, everything

    def _remember(self, network: Point, chip: Accelerator, metrics: dict[str, float]) -> None:
        self.prices[network, chip] = Priced(metrics)
        if len(self.prices) > PRICES_KEPT:
            self.prices.popitem(last=False)

    def _candidates(self, known: NetworkSum, latency: Floats, energy: Floats, columns: Ints) -> Candidates:
        """A network on some accelerators, by any metric."""
        macs = known.workload.macs
        with np.errstate(invalid="ignore", divide="ignore"):
            busy = macs / (latency * self._peak[columns])
        others = (
            ("macs", np.full(len(columns), float(macs))),
            ("parameters", np.full(len(columns), float(known.workload.parameters))),
            ("utilisation", busy),
        )
        return Candidates(latency, energy, self._area[columns], (), others)

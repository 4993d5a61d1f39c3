"""How does one search of networks and accelerators go, where everything is known? Ask/tell loops over tables.

A design is legal when it meets a latency target and is no larger than the baseline accelerator. As in a study, what is
not legal is only priced, and comes back with a penalty; a legal one pays one evaluation of accuracy. Both are samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from coexplore.cost.network_table import NetworkTable
from coexplore.objectives.reward import penalty
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space, part, product
from coexplore.strategies.exact_hardware import Completed, ExactHardware, Solved
from coexplore.strategies.settings import make_settings
from coexplore.strategies.strategy import Observation, Stage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """Networks of a table on accelerators of a space, all prices known."""

    accuracy: Floats
    """(n,) Fractions."""
    choices: Ints
    """(n, decisions) what each network chose, as codes from 0."""
    macs: Floats
    """(n,)"""
    table: NetworkTable
    accelerators: Space
    """Its points in their order are the columns of the table."""
    baseline: int
    """Column of the baseline accelerator."""

    @cached_property
    def networks(self) -> Space:
        """A decision for each column of choices."""
        sizes = self.choices.max(axis=0) + 1
        return Space(tuple(Decision(f"d{n}", tuple(range(size))) for n, size in enumerate(sizes.tolist())))

    @cached_property
    def _rows(self) -> dict[tuple[int, ...], int]:
        return {tuple(row): number for number, row in enumerate(self.choices.tolist())}

    def network_of(self, point: Point) -> int:
        """The network with these choices; of those that differ least where the table has none, the first."""
        row = [int(value) for value in point.values()]
        found = self._rows.get(tuple(row))
        return int(np.abs(self.choices - row).sum(axis=1).argmin()) if found is None else found

    def column_of(self, point: Point) -> int:
        """The accelerator of a point."""
        return int(np.ravel_multi_index(self.accelerators.indices(point), self.accelerators.sizes))

    def costs(self, network: int, column: int) -> tuple[float, float]:
        """Latency and area of a pair."""
        used = np.flatnonzero(self.table.counts[network])
        return float(self.table.counts[network, used] @ self.table.latency_s[used, column]), float(
            self.table.area_mm2[column]
        )

    def latencies(self, network: int) -> Floats:
        """(a,) Of one network on every accelerator."""
        used = np.flatnonzero(self.table.counts[network])
        return self.table.counts[network, used] @ self.table.latency_s[used]

    @property
    def largest_mm2(self) -> float:
        """The area of the baseline, which no design may exceed."""
        return float(self.table.area_mm2[self.baseline])


@dataclass(frozen=True, slots=True)
class Goal:
    """What a search wants of a world."""

    latency_s: float
    """Target."""
    soft: str = ""
    """Empty: what is not legal is only priced. `hard` and `soft`: everything is evaluated, and the weighted product of
    Zhou2021 rewards it; the design with the highest reward is the result, legal or not."""

    def violation(self, world: World, latency_s: float, area_mm2: float) -> float:
        """By which share latency and area exceed what they may be, added up."""
        return max(latency_s / self.latency_s - 1.0, 0.0) + max(area_mm2 / world.largest_mm2 - 1.0, 0.0)

    def product(self, world: World, accuracy: float, latency_s: float, area_mm2: float) -> float:
        """`A (T/T0)^w (area/area0)^w`: hard 0 and -1 (met and broken), soft -0.07 for both (Zhou2021, recalled)."""
        reward = accuracy
        for ratio in (latency_s / self.latency_s, area_mm2 / world.largest_mm2):
            power = -0.07 if self.soft == "soft" else (0.0 if ratio <= 1.0 else -1.0)
            reward *= max(ratio, 1e-12) ** power
        return reward


@dataclass(slots=True)
class Trace:
    """What a search found, sample by sample."""

    best: list[float] = field(default_factory=list)
    """Highest legal accuracy after each sample; 0 before the first."""
    evaluations: list[int] = field(default_factory=list)
    """Accuracies paid for after each sample, each network once: no network is trained twice, as in a study."""
    trained: int = 0
    """Samples that were trained where a network that comes again is trained again, as was published."""
    chosen: tuple[float, int, int, bool] = (-np.inf, -1, -1, False)
    """Highest reward, its network and column, and whether it is legal."""

    @property
    def final(self) -> float:
        """Highest legal accuracy of all."""
        return self.best[-1] if self.best else 0.0

    def evaluations_until(self, accuracy: float) -> int | None:
        """Accuracies paid for until one at least this high; None where it was not reached."""
        reached = np.flatnonzero(np.array(self.best) >= accuracy)
        return int(self.evaluations[reached[0]]) if len(reached) else None

    def samples_until(self, accuracy: float) -> int | None:
        """Samples until an accuracy at least this high."""
        reached = np.flatnonzero(np.array(self.best) >= accuracy)
        return int(reached[0]) + 1 if len(reached) else None


Pair = Callable[[Point], tuple[int, int]]
"""Network and column of a point of the searched space."""


def search(world: World, goal: Goal, space: Space, pair: Pair, strategy: str, samples: int, seed: int) -> Trace:
    """Run a strategy over a space for so many samples."""
    found = make_settings(strategy, {}).start(space, np.random.default_rng(seed), 1)
    trace, trained = Trace(), set[int]()
    for _ in range(samples):
        suggested = found.suggest(1)
        if not suggested:
            break
        point = suggested[0].point
        found.observe([_observe(world, goal, point, pair(point), trace, trained)])
    return trace


def _observe(
    world: World, goal: Goal, point: Point, pair: tuple[int, int], trace: Trace, trained: set[int]
) -> Observation:
    network, column = pair
    latency, area = world.costs(network, column)
    accuracy, violation = float(world.accuracy[network]), goal.violation(world, latency, area)
    legal = violation == 0
    if legal or goal.soft:
        trained.add(network)
        trace.trained += 1
    reward = goal.product(world, accuracy, latency, area) if goal.soft or legal else penalty(violation)
    if reward > trace.chosen[0]:
        trace.chosen = (reward, network, column, legal)
    trace.best.append(max(trace.final, accuracy) if legal else trace.final)
    trace.evaluations.append(len(trained))
    return Observation(
        point, Stage.TRAIN if legal else Stage.PRICE, (-accuracy if legal else np.inf,), violation, legal, reward
    )


def joint(world: World, goal: Goal, strategy: str, samples: int, seed: int) -> Trace:
    """Both halves at once."""
    space = product(network=world.networks, accelerator=world.accelerators)

    def pair(point: Point) -> tuple[int, int]:
        return world.network_of(part(point, "network")), world.column_of(part(point, "accelerator"))

    return search(world, goal, space, pair, strategy, samples, seed)


def fixed(world: World, goal: Goal, strategy: str, samples: int, seed: int) -> Trace:
    """Networks on the baseline accelerator."""
    return on_one(world, goal, world.baseline, strategy, samples, seed)


def on_one(world: World, goal: Goal, column: int, strategy: str, samples: int, seed: int) -> Trace:
    """Networks on one accelerator."""
    return search(world, goal, world.networks, lambda point: (world.network_of(point), column), strategy, samples, seed)


def phase(world: World, goal: Goal, reference: int, strategy: str, samples: int, seed: int) -> Trace:
    """First the accelerator for a reference network, by latency within the area; then networks on it. Half each."""
    first = samples // 2
    column = _accelerator_search(world, reference, strategy, first, seed)
    second = on_one(world, goal, column, strategy, samples - first, seed + 1000)
    return replace_head(second, first)


def replace_head(trace: Trace, samples: int) -> Trace:
    """A trace after so many samples that paid for one accuracy, that of the reference network."""
    evaluations = [1] * samples + [1 + count for count in trace.evaluations]
    return replace(trace, best=[0.0] * samples + trace.best, evaluations=evaluations)


def _accelerator_search(world: World, network: int, strategy: str, samples: int, seed: int) -> int:
    """The column found for one network: the fastest of those seen within the area, else the smallest seen."""
    found = make_settings(strategy, {}).start(world.accelerators, np.random.default_rng(seed), 1)
    latencies = world.latencies(network)
    usual = float(latencies[world.baseline])
    best: tuple[float, int] | None = None
    for _ in range(samples):
        suggested = found.suggest(1)
        if not suggested:
            break
        point = suggested[0].point
        column = world.column_of(point)
        excess = max(float(world.table.area_mm2[column]) / world.largest_mm2 - 1.0, 0.0)
        loss = float(latencies[column]) / usual
        legal = excess == 0 and np.isfinite(loss)
        reward = 1.0 / (1.0 + loss) if legal else penalty(excess or 1.0)
        if legal and (best is None or (loss, column) < best):
            best = (loss, column)
        found.observe([Observation(point, Stage.TRAIN, (loss if legal else np.inf,), excess, bool(legal), reward)])
    return world.baseline if best is None else best[1]


def exact_hardware(
    world: World, goal: Goal, legal_on: Callable[[int], int | None], settings: ExactHardware, samples: int, seed: int
) -> Trace:
    """Networks alone, each on an accelerator that holds it; `legal_on` gives that column, None where none does."""
    space = product(network=world.networks, accelerator=world.accelerators)
    points = {}

    def complete(network: Point) -> Completed:
        number = world.network_of(network)
        column = legal_on(number)
        place = world.baseline if column is None else column
        if place not in points:
            row = [int(index) for index in np.unravel_index(place, world.accelerators.sizes)]
            points[place] = world.accelerators.at(row)
        return Completed(points[place], column is not None, float(world.macs[number]))

    solved = Solved(settings, complete, "network", "accelerator")
    found = solved.start(space, np.random.default_rng(seed), 1)
    trace, trained = Trace(), set[int]()
    while len(trace.best) < samples:
        suggested = found.suggest(1)
        if not suggested:
            break
        point = suggested[0].point
        pair = world.network_of(part(point, "network")), world.column_of(part(point, "accelerator"))
        found.observe([_observe(world, goal, point, pair, trace, trained)])
    return trace

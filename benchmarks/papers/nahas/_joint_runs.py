"""How does one search of networks and accelerators go, where everything is known? Ask/tell loops over tables.

A design is legal when it meets a latency target and is no larger than the baseline accelerator. As in a study, what is
not legal is only priced, and comes back with a penalty; a legal one pays one evaluation of accuracy. Both are samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from _joint_world import World

from coexplore.objectives.reward import penalty
from coexplore.spaces.space import Point, Space, part, product
from coexplore.strategies.exact_hardware import Completed, ExactHardware, Solved
from coexplore.strategies.one_shot import OneShot
from coexplore.strategies.ppo import Ppo
from coexplore.strategies.settings import make_settings
from coexplore.strategies.strategy import Observation, Stage, StrategySettings

TRAINED_LAST = 10
"""Designs that one-shot search trains at its end; all its other samples are looks."""
LEARNING_RATE = 0.048
"""Of one-shot search: ten times the default, as its documentation advises for so few steps."""
EXPLORING = 0.2
"""Entropy of a second PPO that settles later than the default one: at tight targets of NAS-Bench-201 it is the better
opponent, and was chosen there for that."""
PULL = -0.1
"""Weight of the absolute reward of Bender2020."""


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

    def samples_until(self, accuracy: float) -> int | None:
        """Samples until an accuracy at least this high; None where it was not reached."""
        reached = np.flatnonzero(np.array(self.best) >= accuracy)
        return int(reached[0]) + 1 if len(reached) else None


Pair = Callable[[Point], tuple[int, int]]
"""Network and column of a point of the searched space."""


def named(strategy: str, samples: int) -> StrategySettings:
    """A strategy with its defaults; of one-shot search all samples but the last ones are looks."""
    if strategy == "one-shot":
        return OneShot(steps=max(samples - TRAINED_LAST, 1), learning_rate=LEARNING_RATE)
    if strategy == "ppo, exploring":
        return Ppo(entropy=EXPLORING)
    return make_settings(strategy, {})


def search(
    world: World, goal: Goal, space: Space, pair: Pair, settings: StrategySettings, samples: int, seed: int
) -> Trace:
    """Run a strategy over a space for so many samples."""
    found = settings.start(space, np.random.default_rng(seed), 1)
    trace, trained = Trace(), set[int]()
    for _ in range(samples):
        suggested = found.suggest(1)
        if not suggested:
            break
        point, stage = suggested[0].point, suggested[0].stage
        look = _look if stage is Stage.LOOK else _observe
        found.observe([look(world, goal, point, pair(point), trace, trained)])
    return trace


def _look(
    world: World, goal: Goal, point: Point, pair: tuple[int, int], trace: Trace, trained: set[int]
) -> Observation:
    """What shared weights that rank perfectly would say of a legal design: nothing is trained."""
    latency, area = world.costs(*pair)
    accuracy, violation = float(world.accuracy[pair[0]]), goal.violation(world, latency, area)
    legal = violation == 0
    reward = accuracy + PULL * abs(latency / goal.latency_s - 1.0) if legal else penalty(violation)
    trace.best.append(trace.final)
    trace.evaluations.append(len(trained))
    return Observation(point, Stage.LOOK, (-accuracy if legal else np.inf,), violation, legal, reward)


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

    return search(world, goal, space, pair, named(strategy, samples), samples, seed)


def fixed(world: World, goal: Goal, strategy: str, samples: int, seed: int) -> Trace:
    """Networks on the baseline accelerator."""
    return on_one(world, goal, world.baseline, strategy, samples, seed)


def on_one(world: World, goal: Goal, column: int, strategy: str, samples: int, seed: int) -> Trace:
    """Networks on one accelerator."""

    def pair(point: Point) -> tuple[int, int]:
        return world.network_of(point), column

    return search(world, goal, world.networks, pair, named(strategy, samples), samples, seed)


def phase(world: World, goal: Goal, strategy: str, samples: int, seed: int) -> Trace:
    """First the accelerator for the reference network, by latency within the area; then networks on it. Half each."""
    first = samples // 2
    column = _accelerator_search(world, world.reference, strategy, first, seed)
    second = on_one(world, goal, column, strategy, samples - first, seed + 1000)
    # The first phase paid for one accuracy, that of the reference network.
    evaluations = [1] * first + [1 + count for count in second.evaluations]
    return replace(second, best=[0.0] * first + second.best, evaluations=evaluations)


def _accelerator_search(world: World, network: int, strategy: str, samples: int, seed: int) -> int:
    """The column found for one network: the fastest of those seen within the area, else the baseline."""
    found = make_settings(strategy, {}).start(world.accelerators, np.random.default_rng(seed), 1)
    usual, _ = world.costs(network, world.baseline)
    best: tuple[float, int] | None = None
    for _ in range(samples):
        suggested = found.suggest(1)
        if not suggested:
            break
        point = suggested[0].point
        column = world.column_of(point)
        latency, area = world.costs(network, column)
        excess, loss = max(area / world.largest_mm2 - 1.0, 0.0), latency / usual
        legal = excess == 0
        reward = 1.0 / (1.0 + loss) if legal else penalty(excess)
        if legal and (best is None or (loss, column) < best):
            best = (loss, column)
        found.observe([Observation(point, Stage.TRAIN, (loss if legal else np.inf,), excess, legal, reward)])
    return world.baseline if best is None else best[1]


def exact_hardware(world: World, goal: Goal, settings: ExactHardware, samples: int, seed: int) -> Trace:
    """Networks alone, each on the accelerator of least energy that holds it; none is trained that none holds."""
    space = product(network=world.networks, accelerator=world.accelerators)
    columns = world.columns_within(goal.latency_s)
    points: dict[int, Point] = {}

    def complete(network: Point) -> Completed:
        number = world.network_of(network)
        column = int(columns[number])
        place = world.baseline if column < 0 else column
        if place not in points:
            row = [int(index) for index in np.unravel_index(place, world.accelerators.sizes)]
            points[place] = world.accelerators.at(row)
        return Completed(points[place], column >= 0, float(world.macs[number]))

    def pair(point: Point) -> tuple[int, int]:
        return world.network_of(part(point, "network")), world.column_of(part(point, "accelerator"))

    return search(world, goal, space, pair, Solved(settings, complete, "network", "accelerator"), samples, seed)

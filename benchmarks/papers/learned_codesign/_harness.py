"""How do searches of accelerators fare on one set of layers? Equal evaluations, one seed after the other."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from coexplore.accelerators.eyeriss_like import EyerissLike
from coexplore.design import Design, DesignSpace
from coexplore.networks.network import NETWORK_PRESETS, FixedNetwork
from coexplore.spaces.decision import Value
from coexplore.spaces.space import Point, Space
from coexplore.strategies.strategy import Observation, Stage, StrategySettings
from coexplore.studies.compare_statistics import rank_test, superiority
from coexplore.studies.problem import Priced

MODELS = ("codesign-resnet", "codesign-dqn", "codesign-mlp", "codesign-transformer")
Pricer = Callable[[Design], Priced]


def designs_of(
    model: str, restrictions: Sequence[tuple[str, tuple[Value, ...]]] = (), family: EyerissLike | None = None
) -> DesignSpace:
    """One set of layers on accelerators like Eyeriss."""
    network = FixedNetwork(NETWORK_PRESETS.get(model)())
    kept = tuple((f"accelerator.{name}", values) for name, values in restrictions)
    return DesignSpace(network, family or EyerissLike(), kept)


@dataclass(frozen=True)
class Course:
    """One search: the loss of every evaluation, +inf where infeasible."""

    losses: tuple[float, ...]
    seconds: float
    """Of the search alone, without the evaluations."""
    evaluating: float = 0.0
    """Seconds of the evaluations."""

    @property
    def best(self) -> float:
        """The lowest loss; +inf where nothing was feasible."""
        return min(self.losses, default=math.inf)

    def reaches(self, goal: float) -> int | None:
        """Evaluations until a loss is at most `goal`; None where none is."""
        return next((number for number, loss in enumerate(self.losses, 1) if loss <= goal), None)

    @property
    def infeasible(self) -> int:
        """Evaluations that were infeasible."""
        return sum(math.isinf(loss) for loss in self.losses)


def shuffled(space: Space, seed: int) -> Space:
    """The same points without features, the values of every decision in an order that means nothing."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(decision.values)) for decision in space.decisions]
    pairs = zip(space.decisions, orders, strict=True)
    return Space(tuple(replace(d, values=tuple(d.values[int(n)] for n in order), ordered=False) for d, order in pairs))


def search(
    settings: StrategySettings,
    designs: DesignSpace,
    pricer: Pricer,
    evaluations: int,
    seed: int,
    space: Space | None = None,
) -> Course:
    """Minimise the EDP of sums; each suggestion is evaluated before the next. `space` replaces that of the designs."""
    strategy = settings.start(space or designs.space, np.random.default_rng(seed), 1)
    losses: list[float] = []
    spent, begun = 0.0, time.perf_counter()
    while len(losses) < evaluations and (suggestions := strategy.suggest(1)):
        point = suggestions[0].point
        priced_at = time.perf_counter()
        priced = pricer(designs.decode(point))
        spent += time.perf_counter() - priced_at
        losses.append(math.inf if priced.reason else priced.metrics["edp_js"])
        strategy.observe([_observation(point, priced, losses[-1])])
    return Course(tuple(losses), time.perf_counter() - begun - spent, spent)


def _observation(point: Point, priced: Priced, loss: float) -> Observation:
    feasible = math.isfinite(loss)
    reward = -math.log(loss) if feasible else -1.0
    return Observation(point, Stage.TRAIN, (loss,), priced.violation, feasible, reward)


def median(values: Sequence[float | None]) -> float | None:
    """Of values of which None is larger than any; None where that is the median."""
    middle = statistics.median_high([math.inf if value is None else value for value in values])
    return middle if math.isfinite(middle) else None


def ahead(better: Sequence[float], worse: Sequence[float]) -> dict[str, float]:
    """How often a value of the first is lower than one of the second, and the two-sided p of Mann and Whitney."""
    return {"superiority": superiority(better, worse), "p": rank_test(better, worse)}


def seconds_each(runs: Sequence[Course]) -> float:
    """Wall seconds of one evaluation with its share of the search: the median over runs."""
    return statistics.median((course.seconds + course.evaluating) / max(len(course.losses), 1) for course in runs)

"""How do searches of accelerators fare on one set of layers? Equal evaluations, one seed after the other."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from coexplore.accelerators.eyeriss_like import EyerissLike
from coexplore.design import Design, DesignSpace
from coexplore.networks.network import NETWORK_PRESETS, FixedNetwork
from coexplore.spaces.decision import Value
from coexplore.spaces.space import Point
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

    def best_after(self, evaluations: int) -> float:
        """The lowest of the first losses; +inf where none was feasible."""
        return min(self.losses[:evaluations], default=math.inf)

    def reaches(self, goal: float) -> int | None:
        """Evaluations until a loss is at most `goal`; None where none is."""
        return next((number for number, loss in enumerate(self.losses, 1) if loss <= goal), None)

    @property
    def infeasible(self) -> int:
        """Evaluations that were infeasible."""
        return sum(math.isinf(loss) for loss in self.losses)


def search(settings: StrategySettings, designs: DesignSpace, pricer: Pricer, evaluations: int, seed: int) -> Course:
    """Minimise the EDP of sums; each suggestion is evaluated before the next."""
    strategy = settings.start(designs.space, np.random.default_rng(seed), 1)
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


def at_equal_time(courses: Mapping[str, Sequence[Course]], scale: float) -> dict[str, object]:
    """Medians where every method has the time that the fastest needs for its evaluations.

    Each then has the evaluations that fit at its own median seconds for one (Sakhuja2023, as in `coexplore compare`).
    """
    each = {name: statistics.median(_seconds_each(course) for course in runs) for name, runs in courses.items()}
    least = min(len(course.losses) for runs in courses.values() for course in runs)
    seconds = least * min(each.values())
    fits = {name: int(seconds / own + 1e-9) for name, own in each.items()}
    best = {name: [course.best_after(fits[name]) for course in runs] for name, runs in courses.items()}
    return {
        "seconds": seconds,
        "evaluations": fits,
        "median": {name: finite(statistics.median(values) / scale) for name, values in best.items()},
    }


def _seconds_each(course: Course) -> float:
    return (course.seconds + course.evaluating) / max(len(course.losses), 1)


def finite(value: float) -> float | None:
    """None for infinity, which JSON has not."""
    return value if math.isfinite(value) else None

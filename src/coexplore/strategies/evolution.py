"""How far does selection by age get? Regularised evolution, for any number of objectives and with constraints.

References:
    Real2019: E. Real, A. Aggarwal, Y. Huang, Q. V. Le, Regularized evolution for image classifier architecture
        search, AAAI 2019, arXiv 1802.01548, algorithm 1.

Departures:
    Real2019 breeds 20,000 networks from a population of 100 with tournaments of 25. Studies here train some hundred:
    the default keeps the ratio with 32 and 8. A child that was tried before is bred again, since its evaluation
    could teach nothing; and members that break a constraint live and age like all others, but lose (`operators.best`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np

from coexplore.core.errors import ConfigError
from coexplore.spaces.space import Point, Space
from coexplore.strategies.checkpoint import (
    SavedObservation,
    load_observation,
    load_points,
    load_rng,
    save_observation,
    save_points,
    save_rng,
)
from coexplore.strategies.operators import best, mutate_one_decision, tournament
from coexplore.strategies.random_search import draw_untried
from coexplore.strategies.settings import check_whole
from coexplore.strategies.strategy import STRATEGIES, Observation, Strategy, Suggestion

LITTER = 16
"""Children bred in search of an untried one before a random point takes the place."""


@STRATEGIES.register("evolution")
@dataclass(frozen=True, slots=True)
class Evolution:
    """Regularised evolution (Real2019, algorithm 1): the newest live, the best of a tournament has a child."""

    population: int = 32
    """Members alive, P in Real2019; as many random points are suggested first."""
    tournament: int = 8
    """Members drawn for each tournament, S in Real2019; at most `population`."""

    def __post_init__(self) -> None:
        check_whole("population", self.population, at_least=2)
        check_whole("tournament", self.tournament, at_least=1)
        if self.tournament > self.population:
            raise ConfigError(
                f"tournament: is {self.tournament}, more than the population of {self.population} it is drawn from; "
                "lower it or raise population"
            )

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh population; members are ranked by as many losses as they bring."""
        return _Evolution(self, space, rng)


class _Saved(TypedDict):
    rng: object
    suggested: int
    tried: list[list[int]]
    population: list[SavedObservation]


class _Evolution:
    def __init__(self, settings: Evolution, space: Space, rng: np.random.Generator) -> None:
        self._space, self._rng = space, rng
        self._founders = settings.population
        self._suggested = 0
        self._tried: dict[Point, None] = {}
        self._population: deque[Observation] = deque(maxlen=settings.population)
        self._breed = tournament(settings.tournament) >> best() >> mutate_one_decision(space)

    def suggest(self, n: int) -> list[Suggestion]:
        return [Suggestion(self._next()) for _ in range(n)]

    def observe(self, new: Sequence[Observation]) -> None:
        final = [observation for observation in new if observation.final]
        self._population.extend(final)
        self._tried.update((observation.point, None) for observation in final)

    def state(self) -> dict[str, object]:
        return {
            "rng": save_rng(self._rng),
            "suggested": self._suggested,
            "tried": save_points(self._space, self._tried),
            "population": [save_observation(self._space, member) for member in self._population],
        }

    def restore(self, state: Mapping[str, object]) -> None:
        saved = cast(_Saved, state)
        load_rng(self._rng, saved["rng"])
        self._suggested = saved["suggested"]
        self._tried = dict.fromkeys(load_points(self._space, saved["tried"]))
        self._population.clear()
        self._population.extend(load_observation(self._space, member) for member in saved["population"])

    def _next(self) -> Point:
        founding = self._suggested < self._founders or not self._population
        point = self._random_point() if founding else self._child()
        self._suggested += 1
        self._tried[point] = None
        return point

    def _child(self) -> Point:
        if len(self._tried) < self._space.size:
            for _ in range(LITTER):
                child = self._breed(self._population, self._rng)
                if child not in self._tried:
                    return child
            return self._random_point()
        return self._breed(self._population, self._rng)

    def _random_point(self) -> Point:
        point = draw_untried(self._space, self._rng, self._tried)
        return point if point is not None else self._space.sample(self._rng, 1)[0]

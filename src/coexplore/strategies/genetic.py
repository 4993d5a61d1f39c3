"""How far do crossover and mutation get? A plain genetic algorithm, for any number of objectives and with constraints.

References:
    Sakhuja2023: C. Sakhuja, Z. Shi, C. Lin, Leveraging domain information for the efficient automated design of deep
        learning accelerators, HPCA 2023, and its code: crossover 0.8, mutation 0.05, population 20, parents drawn
        geometrically by rank with 0.2. That code has no licence; only these numbers come from it.
    Deb2000: as in `coexplore.strategies.operators`.

Departures: children that break what a space knows of its constraints, or were tried, are bred again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np

from coexplore.objectives.pareto import non_dominated
from coexplore.spaces.conditions import INACTIVE, deactivate
from coexplore.spaces.described import Constrained
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
from coexplore.strategies.random_search import draw_untried
from coexplore.strategies.settings import check_real, check_whole
from coexplore.strategies.strategy import STRATEGIES, Observation, Strategy, Suggestion

LITTER = 16
"""Children bred in search of an untried one before a random point takes the place."""


@STRATEGIES.register("genetic")
@dataclass(frozen=True, slots=True)
class Genetic:
    """Uniform crossover and mutation of the best so far (Sakhuja2023, as a baseline there)."""

    population: int = 20
    """Best points kept; as many are drawn first."""
    crossover: float = 0.8
    """Probability that a child has two parents."""
    mutation: float = 0.05
    """Probability, for each decision of a child, of a fresh value."""
    pressure: float = 0.2
    """Parents are drawn by rank: the best with this probability, else the next with it, and so on."""

    def __post_init__(self) -> None:
        check_whole("population", self.population, at_least=2)
        check_real("crossover", self.crossover, 0.0, 1.0)
        check_real("mutation", self.mutation, 0.0, 1.0)
        check_real("pressure", self.pressure, 0.01, 1.0)

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh population."""
        return _Genetic(self, space, rng)


class _Saved(TypedDict):
    rng: object
    suggested: int
    tried: list[list[int]]
    population: list[SavedObservation]


class _Genetic:
    def __init__(self, settings: Genetic, space: Space, rng: np.random.Generator) -> None:
        self._settings, self._space, self._rng = settings, space, rng
        self._suggested = 0
        self._tried: dict[Point, None] = {}
        self._population: list[Observation] = []

    def suggest(self, n: int) -> list[Suggestion]:
        return [Suggestion(self._next()) for _ in range(n)]

    def observe(self, new: Sequence[Observation]) -> None:
        final = [observation for observation in new if observation.final]
        self._tried.update((observation.point, None) for observation in final)
        latest = {member.point: member for member in (*self._population, *final)}
        self._population = ranked(list(latest.values()))[: self._settings.population]

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
        self._population = [load_observation(self._space, member) for member in saved["population"]]

    def _next(self) -> Point:
        founding = self._suggested < self._settings.population or not self._population
        point = None if founding else self._child()
        if point is None:
            point = draw_untried(self._space, self._rng, self._tried)
        if point is None:
            (point,) = self._space.sample(self._rng, 1)
        self._suggested += 1
        self._tried[point] = None
        return point

    def _child(self) -> Point | None:
        """An untried child that breaks no known constraint; None where a litter has none."""
        for _ in range(LITTER if self._space.decisions else 0):
            child = self._bred()
            if child not in self._tried and not (isinstance(self._space, Constrained) and self._space.why_not(child)):
                return child
        return None

    def _bred(self) -> Point:
        """Inactive decisions of one parent take the value of the other, or a fresh one."""
        sizes = np.asarray(self._space.sizes, np.int64)
        fresh = np.minimum((self._rng.random(len(sizes)) * sizes).astype(np.int64), sizes - 1)
        row, other = self._parent(), self._parent()
        if self._rng.random() < self._settings.crossover:
            row = np.where(self._rng.random(len(sizes)) < 0.5, row, other)
        mutated = self._rng.random(len(sizes)) < self._settings.mutation
        row = np.where(mutated | (row == INACTIVE), fresh, row)
        return self._space.at(deactivate(self._space.links, row[None])[0].tolist())

    def _parent(self) -> np.ndarray:
        rank = int(self._rng.geometric(self._settings.pressure)) - 1
        member = self._population[min(rank, len(self._population) - 1)]
        return np.array(self._space.indices(member.point), np.int64)


def ranked(members: Sequence[Observation]) -> list[Observation]:
    """Best first: feasible before infeasible, which come by their shortfall (Deb2000); the front before the rest."""
    feasible = [member for member in members if member.feasible]
    infeasible = sorted((m for m in members if not m.feasible), key=lambda m: (m.shortfall, -m.reward))
    if not feasible:
        return infeasible
    front = non_dominated(np.array([member.losses for member in feasible], dtype=np.float64))
    order = sorted(range(len(feasible)), key=lambda i: (not front[i], -feasible[i].reward, sum(feasible[i].losses)))
    return [*(feasible[index] for index in order), *infeasible]

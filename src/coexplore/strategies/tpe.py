"""How far does a tree-structured Parzen estimator get? TPE, through Optuna.

Every suggestion has a sampler of its own with a seed of its own; all it knows are the trials told so far. So the state
is a list of trials, and restoring takes as long as reading it.

References:
    Bergstra2011: J. Bergstra et al., Algorithms for hyper-parameter optimization, NeurIPS 2011. As implemented by
        `optuna.samplers.TPESampler`.

Departures: a point that was suggested or observed before is drawn again; inactive decisions are drawn silently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np

from coexplore.spaces.conditions import INACTIVE, is_active
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
from coexplore.strategies.optuna_search import genes_of, quiet_study
from coexplore.strategies.random_search import draw_untried
from coexplore.strategies.settings import check_whole
from coexplore.strategies.strategy import STRATEGIES, Observation, Strategy, Suggestion

LITTER = 2
"""Draws in search of an untried point: each takes as long as a dozen of other searches."""


@STRATEGIES.register("tpe")
@dataclass(frozen=True, slots=True)
class Tpe:
    """A tree-structured Parzen estimator (Bergstra2011); constraints count through the violation."""

    warm_up: int = 10
    """Points drawn first."""
    candidates: int = 24
    """Draws from the good points' density, of which the most promising is taken."""

    def __post_init__(self) -> None:
        check_whole("warm_up", self.warm_up, at_least=1)
        check_whole("candidates", self.candidates, at_least=1)

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh search."""
        return _Tpe(self, space, rng, objectives)


class _Saved(TypedDict):
    rng: object
    suggested: int
    tried: list[list[int]]
    seen: list[SavedObservation]


class _Tpe:
    def __init__(self, settings: Tpe, space: Space, rng: np.random.Generator, objectives: int) -> None:
        self._settings, self._space, self._rng, self._objectives = settings, space, rng, objectives
        self._genes = genes_of(space)
        self._restart()

    def _restart(self) -> None:
        from optuna.samplers import RandomSampler

        self._suggested = 0
        self._tried: dict[Point, None] = {}
        self._seen: list[Observation] = []
        self._study = quiet_study(RandomSampler(seed=0), self._objectives)

    def suggest(self, n: int) -> list[Suggestion]:
        return [Suggestion(self._next()) for _ in range(n)]

    def observe(self, new: Sequence[Observation]) -> None:
        for observation in new:
            if observation.final:
                self._tell(observation)

    def state(self) -> dict[str, object]:
        return {
            "rng": save_rng(self._rng),
            "suggested": self._suggested,
            "tried": save_points(self._space, self._tried),
            "seen": [save_observation(self._space, observation) for observation in self._seen],
        }

    def restore(self, state: Mapping[str, object]) -> None:
        saved = cast(_Saved, state)
        self._restart()
        for entry in saved["seen"]:
            self._tell(load_observation(self._space, entry))
        load_rng(self._rng, saved["rng"])
        self._suggested = saved["suggested"]
        self._tried = dict.fromkeys(load_points(self._space, saved["tried"]))

    def _tell(self, observation: Observation) -> None:
        """Inactive decisions take their first value."""
        from optuna.trial import create_trial

        row = self._space.indices(observation.point)
        trial = create_trial(
            params={name: max(index, 0) for name, index in zip(self._space.names, row, strict=True)},
            distributions=self._genes,
            values=list(observation.losses),
            constraints={"violation": observation.shortfall},
        )
        self._study.add_trial(trial)
        self._seen.append(observation)
        self._tried[observation.point] = None

    def _next(self) -> Point:
        point = self._estimated() if self._suggested >= self._settings.warm_up and self._seen else None
        if point is None:
            point = draw_untried(self._space, self._rng, self._tried)
        if point is None:
            (point,) = self._space.sample(self._rng, 1)
        self._suggested += 1
        self._tried[point] = None
        return point

    def _estimated(self) -> Point | None:
        """An untried point of the estimator; None where a litter has none."""
        from optuna.samplers import TPESampler
        from optuna.trial import TrialState

        if len(self._tried) >= self._space.size:
            return None
        self._study.sampler = TPESampler(
            n_startup_trials=1, n_ei_candidates=self._settings.candidates, seed=int(self._rng.integers(2**31))
        )
        for _ in range(LITTER):
            trial = self._study.ask(self._genes)
            self._study.tell(trial, state=TrialState.FAIL)
            row: list[int] = []
            for position, name in enumerate(self._space.names):
                row.append(trial.params[name] if is_active(self._space.links, row, position) else INACTIVE)
            point = self._space.at(row)
            if point not in self._tried:
                return point
        return None

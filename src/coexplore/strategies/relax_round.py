"""What if the space were continuous? Bayesian optimisation in the unit cube, whose winner is rounded to a point.

The baseline of Shi2020 that ignores what is discrete and knows no features: decisions are coordinates, the acquisition
is maximised anywhere in the cube, and the nearest point is tried. Where that breaks a constraint which the space knows,
the nearest of a few drawn points takes its place.

References:
    Shi2020: Z. Shi et al., Learned hardware/software co-design of neural accelerators, arXiv 2010.02075.

Departures: the acquisition is maximised by drawing in the cube and drawing again around the best, not by gradients.
Infeasible points learn the worst loss seen plus one: in logarithms, a factor of e. In Shi2020 (recalled) rounding goes
to the nearest valid parameters; of a space of mappings nobody can say which those are, so it is the nearest of some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np
import numpy.typing as npt

from coexplore.spaces.described import Constrained
from coexplore.spaces.encode import from_indices, from_unit, to_indices, to_unit
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
from coexplore.strategies.pool_search import Seen
from coexplore.strategies.settings import check_real, check_whole
from coexplore.strategies.strategy import STRATEGIES, Observation, Strategy, Suggestion
from coexplore.strategies.surrogate import Hyperparameters, Kernel, Surrogate, learn, require_botorch

Reals = npt.NDArray[np.float64]
REFIT_GROWTH = 1.2
"""Hyper-parameters are fitted again when so many times as much is known."""
ROUNDS = 2
"""Of drawing around the best."""
REACH = 0.1
"""Deviation of the first such draws, of each coordinate; halved each time."""
WORSE = 1.0
LEGAL = 32
"""Draws from which the nearest is taken in place of a point that breaks a known constraint."""


@STRATEGIES.register("relax-and-round")
@dataclass(frozen=True, slots=True)
class RelaxAndRound:
    """Bayesian optimisation in the unit cube, rounded (a baseline of Shi2020); needs the extra `bo`."""

    weight: float = 1.0
    """Of the deviation in the lower confidence bound."""
    warm_up: int = 10
    """Points drawn first, in the cube as well."""
    pool: int = 150
    """Draws in the cube for each suggestion, and again in each round around the best."""

    def __post_init__(self) -> None:
        check_real("weight", self.weight, 0.0, 100.0)
        check_whole("warm_up", self.warm_up, at_least=1)
        check_whole("pool", self.pool, at_least=1)

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh search; several objectives count through the reward.

        Raises:
            MissingExtraError: BoTorch is not installed.
        """
        require_botorch()
        return _RelaxAndRound(self, space, rng)


class _Saved(TypedDict):
    rng: object
    suggested: int
    tried: list[list[int]]
    seen: list[SavedObservation]
    fitted: int
    start: Hyperparameters


class _RelaxAndRound:
    def __init__(self, settings: RelaxAndRound, space: Space, rng: np.random.Generator) -> None:
        self._settings, self._space, self._rng = settings, space, rng
        self._suggested = 0
        self._tried: dict[Point, None] = {}
        self._seen: dict[Point, Observation] = {}
        self._fitted, self._start = 0, cast(Hyperparameters, {})

    def suggest(self, n: int) -> list[Suggestion]:
        return [Suggestion(self._next()) for _ in range(n)]

    def observe(self, new: Sequence[Observation]) -> None:
        for observation in new:
            if observation.final:
                self._seen[observation.point] = observation
                self._tried[observation.point] = None

    def state(self) -> dict[str, object]:
        return {
            "rng": save_rng(self._rng),
            "suggested": self._suggested,
            "tried": save_points(self._space, self._tried),
            "seen": [save_observation(self._space, observation) for observation in self._seen.values()],
            "fitted": self._fitted,
            "start": dict(self._start),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        saved = cast(_Saved, state)
        load_rng(self._rng, saved["rng"])
        self._suggested = saved["suggested"]
        self._tried = dict.fromkeys(load_points(self._space, saved["tried"]))
        observations = [load_observation(self._space, entry) for entry in saved["seen"]]
        self._seen = {observation.point: observation for observation in observations}
        self._fitted, self._start = saved["fitted"], dict(saved["start"])

    def _next(self) -> Point:
        cube = self._rng.random((self._settings.pool, len(self._space.decisions)))
        seen = Seen(self._unit(list(self._seen)), list(self._seen.values()), cube[:0])
        learnt = self._suggested >= self._settings.warm_up and seen.known.any() and cube.shape[1] > 0
        point = self._legal(self._rounded(self._climbed(cube, seen) if learnt else cube))
        self._suggested += 1
        self._tried[point] = None
        return point

    def _rounded(self, ranked: Reals) -> Point:
        """The first place in the cube whose point is untried; of tried ones the first."""
        points = from_indices(self._space, from_unit(self._space, ranked))
        return next((point for point in points if point not in self._tried), points[0])

    def _legal(self, point: Point) -> Point:
        """The point itself, or where it breaks what the space knows of its constraints, the nearest of some draws."""
        if not isinstance(self._space, Constrained) or not self._space.why_not(point):
            return point
        drawn = [legal for legal in self._space.sample(self._rng, LEGAL) if legal not in self._tried]
        if not drawn:
            return point
        away = ((self._unit(drawn) - self._unit([point])) ** 2).sum(axis=1)
        return drawn[int(np.argmin(away))]

    def _climbed(self, cube: Reals, seen: Seen) -> Reals:
        """The places of the cube and those around the best, best first."""
        surrogate = self._learn(seen, cube)
        bound = self._bound(surrogate, cube)
        for turn in range(ROUNDS):
            best = cube[int(np.argmin(bound))]
            near = best + REACH / 2**turn * self._rng.standard_normal((self._settings.pool, cube.shape[1]))
            near = np.clip(near, 0.0, 1.0)
            cube, bound = np.vstack([cube, near]), np.concatenate([bound, self._bound(surrogate, near)])
        return cube[np.argsort(bound, kind="stable")]

    def _learn(self, seen: Seen, cube: Reals) -> Surrogate:
        targets = np.where(seen.known, seen.loss, seen.loss[seen.known].max() + WORSE)
        fit = len(targets) >= REFIT_GROWTH * self._fitted
        surrogate = learn(Kernel.LINEAR_MATERN, seen.features, targets, self._start, fit, cube)
        if fit:
            self._fitted, self._start = len(targets), surrogate.hyperparameters
        return surrogate

    def _bound(self, surrogate: Surrogate, cube: Reals) -> Reals:
        belief = surrogate.believe(cube)
        return belief.mean - self._settings.weight * belief.deviation

    def _unit(self, points: list[Point]) -> Reals:
        return to_unit(self._space, to_indices(self._space, points))

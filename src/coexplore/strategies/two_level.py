"""How are trainings saved? Every suggestion of a controller is priced first, and only what may pass is trained.

The two levels of Jiang2020 as a wrapper around any strategy: what breaks a constraint goes back to the controller as an
observation without having been trained. By default that is all of fast exploration, since prices are exact and cheap
beside a training. `fast_steps` is fast exploration as it was published: between two trainings the controller learns
from so many prices, each decision from how busy the stage it works on is.

References:
    Jiang2020: W. Jiang et al., Hardware/software co-exploration of neural architectures, IEEE TCAD 2020,
        arXiv 1907.04650, two-level search.

Departures:
    A controller that has converged draws the same points again. It is asked up to `REPEATS` times; then an untried
    neighbour of its last point is priced in place, or a random point when there is none. So no point is suggested for
    training twice, and when all have been, no suggestion follows. A repeat is not rewarded again: that would only
    hasten the convergence.
    Jiang2020 keeps the stages while it explores fast, with one recurrent network for each; here every price is that of
    the best stages for its own network, and one recurrent network has a reward for each decision. How many fast steps
    follow one training is not published.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TypedDict, cast

import numpy as np

from coexplore.core.errors import ConfigError, did_you_mean
from coexplore.objectives.stage_reward import StageReward
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
from coexplore.strategies.settings import check_whole, make_settings
from coexplore.strategies.strategy import STRATEGIES, Observation, Stage, Strategy, Suggestion

REPEATS = 4
"""Points already dealt with that a controller may draw in a row before another one is tried in their place."""


@STRATEGIES.register("two-level")
@dataclass(frozen=True, slots=True)
class TwoLevel:
    """Prices the suggestions of a controller and has only the feasible ones trained."""

    controller: str = "reinforce"
    """Name of the strategy that suggests; any but this one."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Settings of the controller."""
    screens: int = 64
    """Rejections in a row after which the least violating point is handed on, so that a study always ends."""
    fast_steps: int = 0
    """Prices between two trainings from which the controller learns stage by stage; 0 for none."""
    fast_reward: Mapping[str, object] = field(default_factory=dict)
    """Settings of the reward of a stage in fast steps: `slope`, `limit` and `floor` of `StageReward`."""

    def __post_init__(self) -> None:
        check_whole("screens", self.screens, at_least=1)
        check_whole("fast_steps", self.fast_steps, at_least=0)
        if self.controller == "two-level":
            raise ConfigError("controller: is 'two-level' itself; name the strategy that suggests, such as 'reinforce'")
        if not isinstance(self.settings, Mapping):
            raise ConfigError(f"settings: is {self.settings!r}; give the controller's settings by name")
        controller = make_settings(self.controller, self.settings, path="settings")
        self.stage_reward()
        if self.fast_steps and not getattr(controller, "learns_by_decision", False):
            raise ConfigError(
                f"fast_steps: is {self.fast_steps}, but controller {self.controller!r} cannot learn from single "
                "stages; take 'reinforce', or 0 fast steps"
            )

    def stage_reward(self) -> StageReward:
        """The reward of a stage in fast steps.

        Raises:
            ConfigError: a setting of it is unknown or not legal.
        """
        if not isinstance(self.fast_reward, Mapping):
            raise ConfigError(f"fast_reward: is {self.fast_reward!r}; give its settings by name")
        known = [entry.name for entry in fields(StageReward)]
        for name in self.fast_reward:
            if name not in known:
                raise ConfigError(f"fast_reward.{name}: unknown setting; {did_you_mean(name, known)}")
        try:
            return StageReward(**cast("dict[str, float]", dict(self.fast_reward)))
        except ConfigError as error:
            raise ConfigError(f"fast_reward.{error}") from error

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh controller, which shares the generator."""
        controller = make_settings(self.controller, self.settings, path="settings")
        return _TwoLevel(controller.start(space, rng, objectives), space, rng, self)


class _Saved(TypedDict):
    rng: object
    controller: dict[str, object]
    pricing: list[list[int]]
    accepted: list[list[int]]
    waiting: list[list[int]]
    rejected: list[SavedObservation]
    told: list[list[int]]
    fast: int


class _TwoLevel:
    def __init__(self, controller: Strategy, space: Space, rng: np.random.Generator, settings: TwoLevel) -> None:
        self._controller, self._space, self._rng = controller, space, rng
        self._screens, self._fast_steps, self._reward = settings.screens, settings.fast_steps, settings.stage_reward()
        self._fast = 0
        """Fast steps since the last acceptance."""
        self._pricing: dict[Point, None] = {}
        """Suggested for a price, without an answer yet."""
        self._accepted: dict[Point, None] = {}
        """To be trained, in training, or trained."""
        self._waiting: deque[Point] = deque()
        """Accepted but not yet suggested for training."""
        self._rejected: dict[Point, Observation] = {}
        """Infeasible by their price, since the last acceptance."""
        self._told: dict[Point, None] = {}
        """Accepted for want of a better one, so that the controller knows already that they are infeasible."""

    def suggest(self, n: int) -> list[Suggestion]:
        found: list[Suggestion] = []
        while len(found) < n and (suggestion := self._next()) is not None:
            found.append(suggestion)
        return found

    def observe(self, new: Sequence[Observation]) -> None:
        for observation in new:
            if observation.stage is Stage.PRICE and observation.point in self._pricing:
                self._learn_price(observation)
            elif observation.final:
                self._learn_answer(observation)

    def state(self) -> dict[str, object]:
        return {
            "rng": save_rng(self._rng),
            "controller": self._controller.state(),
            "pricing": save_points(self._space, self._pricing),
            "accepted": save_points(self._space, self._accepted),
            "waiting": save_points(self._space, self._waiting),
            "rejected": [save_observation(self._space, observation) for observation in self._rejected.values()],
            "told": save_points(self._space, self._told),
            "fast": self._fast,
        }

    def restore(self, state: Mapping[str, object]) -> None:
        saved = cast(_Saved, state)
        self._controller.restore(saved["controller"])
        load_rng(self._rng, saved["rng"])
        self._pricing = dict.fromkeys(load_points(self._space, saved["pricing"]))
        self._accepted = dict.fromkeys(load_points(self._space, saved["accepted"]))
        self._waiting = deque(load_points(self._space, saved["waiting"]))
        rejected = [load_observation(self._space, observation) for observation in saved["rejected"]]
        self._rejected = {observation.point: observation for observation in rejected}
        self._told = dict.fromkeys(load_points(self._space, saved["told"]))
        self._fast = saved["fast"]

    def _next(self) -> Suggestion | None:
        if not self._waiting:
            point = self._untried()
            if point is not None:
                self._pricing[point] = None
                return Suggestion(point, Stage.PRICE)
            if self._pricing or not self._rejected:
                return None
            self._accept_closest()
        return Suggestion(self._waiting.popleft())

    def _untried(self) -> Point | None:
        """The controller's next point not dealt with, or one in its place; None when nothing is left to try."""
        for _ in range(REPEATS):
            suggestions = self._controller.suggest(1)
            if not suggestions:
                return None
            point = suggestions[0].point
            if not self._known(point):
                return point
        return self._stand_in(point)

    def _stand_in(self, repeated: Point) -> Point | None:
        neighbours = [point for point in self._space.neighbours(repeated) if not self._known(point)]
        if neighbours:
            return neighbours[int(self._rng.integers(len(neighbours)))]
        return draw_untried(self._space, self._rng, {**self._accepted, **self._pricing, **self._rejected}.keys())

    def _known(self, point: Point) -> bool:
        return point in self._accepted or point in self._pricing or point in self._rejected

    def _learn_price(self, observation: Observation) -> None:
        del self._pricing[observation.point]
        exploring = self._fast < self._fast_steps and bool(observation.shares)
        if exploring:
            self._explore(observation)
        if observation.feasible:
            if not exploring:
                self._accept(observation.point)
            return
        if not exploring:
            self._controller.observe([observation])
        self._rejected[observation.point] = observation
        if len(self._rejected) >= self._screens:
            self._accept_closest()

    def _explore(self, observation: Observation) -> None:
        """One fast step: every decision is rewarded for the stage it works on, and nothing is trained."""
        self._fast += 1
        credits = tuple((name, self._reward(share)) for name, share in observation.shares)
        self._controller.observe([replace(observation, credits=credits)])

    def _learn_answer(self, observation: Observation) -> None:
        if observation.feasible or observation.point not in self._told:
            self._controller.observe([observation])
        self._accepted[observation.point] = None

    def _accept_closest(self) -> None:
        closest = min(self._rejected.values(), key=lambda observation: observation.shortfall)
        self._told[closest.point] = None
        self._accept(closest.point)

    def _accept(self, point: Point) -> None:
        if point not in self._accepted:
            self._accepted[point] = None
            self._waiting.append(point)
        self._rejected.clear()
        self._fast = 0

"""How good is a network on hardware made for it? A controller suggests networks; their hardware is solved, not drawn.

The search is over networks alone, so no reward is spent on hardware: each network comes back with the best accelerator
under the constraints, found by looking at all of them (`coexplore.studies.solved`). What no accelerator can hold within
the constraints is only priced, and costs no training.

A strategy knows points, not prices, so who solves the other half is handed in. Where nobody does, the controller
searches both halves, which is what it would do without this wrapper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, cast

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import ConfigError
from coexplore.spaces.space import Point, Space, factor, join, part
from coexplore.strategies.checkpoint import load_points, load_rng, save_points, save_rng
from coexplore.strategies.random_search import draw_untried
from coexplore.strategies.settings import check_whole, make_settings
from coexplore.strategies.size_and_choices import upper_bounds
from coexplore.strategies.strategy import STRATEGIES, Observation, Stage, Strategy, Suggestion

REPEATS = 16
"""Networks already suggested that a controller may draw in a row before another one is tried in their place."""
DEFAULT_METRIC = "energy_j"
SIZES = ("macs", "parameters")
"""What may promise accuracy."""
LEARNED = "learned"
LEARNS_FROM = 8
"""Rewards known before the choice among drawn networks rests on them."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The best other half of a point."""

    other: Point
    legal: bool
    """Whether the constraints are met; else it is the one that comes nearest."""
    promise: float = 0.0
    """Size of the network: where several are drawn, of those that are legal the largest is suggested first."""


Complete = Callable[[Point], Completed]
"""The best accelerator for a network."""


@STRATEGIES.register("exact-hardware")
@dataclass(frozen=True, slots=True)
class ExactHardware:
    """Searches networks alone; each gets the best accelerator for it under the constraints, of all there are."""

    controller: str = "reinforce"
    """Name of the strategy that suggests networks; any that suggests points itself."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Settings of the controller."""
    minimize: str = ""
    """Cost that the choice of accelerator makes small; by default the first cost among the objectives, else energy."""
    among: int = 1
    """Networks drawn for each suggestion. Of those that some accelerator holds, the one with most of `prefer` is taken
    and the others are passed over: prices cost little, and larger networks are usually more accurate."""
    prefer: str = "macs"
    """`macs`, `parameters` or `learned`; of no meaning with one network drawn. `learned` asks no controller: networks
    are drawn uniformly, the one of most MACs is taken until some rewards are known, and then the one that may be best
    by what is known (`size_and_choices.upper_bounds`)."""
    screens: int = 64
    """Networks in a row that no accelerator holds within the constraints, after which one is handed on nevertheless."""
    most: int = 1_000_000
    """A space of more accelerators is refused."""

    def __post_init__(self) -> None:
        check_whole("among", self.among, at_least=1)
        check_whole("screens", self.screens, at_least=1)
        check_whole("most", self.most, at_least=1)
        if self.controller in ("exact-hardware", "exact", "two-level"):
            raise ConfigError(f"controller: is {self.controller!r}; name one that searches, such as 'evolution'")
        if self.prefer not in (*SIZES, LEARNED):
            raise ConfigError(f"prefer: is {self.prefer!r}; give {', '.join(SIZES)} or {LEARNED}")
        if not isinstance(self.settings, Mapping):
            raise ConfigError(f"settings: is {self.settings!r}; give the controller's settings by name")
        make_settings(self.controller, self.settings, path="settings")

    @property
    def size(self) -> str:
        """The metric of a network that promises accuracy before any is known."""
        return SIZES[0] if self.prefer == LEARNED else self.prefer

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """The controller over the whole space, as nobody solves the hardware here."""
        return make_settings(self.controller, self.settings, path="settings").start(space, rng, objectives)


@dataclass(frozen=True, slots=True)
class Solved:
    """`ExactHardware` with somebody who solves the other half."""

    settings: ExactHardware
    complete: Complete = field(compare=False)
    searched: str
    """Prefix of the decisions that the controller makes."""
    solved: str
    """Prefix of the others."""

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh controller over one half of the space."""
        half = factor(space, self.searched)
        controller = make_settings(self.settings.controller, self.settings.settings, path="settings")
        return _Solved(self, controller.start(half, rng, objectives), half, rng)


class _Saved(TypedDict):
    rng: object
    controller: dict[str, object]
    tried: list[list[int]]
    barren: int
    known: list[tuple[list[int], float, float]]


class _Solved:
    def __init__(self, settings: Solved, controller: Strategy, half: Space, rng: np.random.Generator) -> None:
        self._settings, self._controller, self._half, self._rng = settings, controller, half, rng
        self._tried: dict[Point, None] = {}
        """Networks suggested so far."""
        self._barren = 0
        """Of those, how many in a row no accelerator holds."""
        self._known: list[tuple[list[int], float, float]] = []
        """Choices, size and reward of the networks that were evaluated, where the choice among networks is learned."""

    def suggest(self, n: int) -> list[Suggestion]:
        found: list[Suggestion] = []
        while len(found) < n and (drawn := self._drawn()) is not None:
            self._tried[drawn[0]] = None
            found.append(self._suggestion(*drawn))
        return found

    def observe(self, new: Sequence[Observation]) -> None:
        for observation in new:
            own = part(observation.point, self._settings.searched)
            self._tried[own] = None
            if not self._learns:
                self._controller.observe([replace(observation, point=own)])
            elif observation.final and observation.feasible and math.isfinite(observation.reward):
                size = self._settings.complete(own).promise
                self._known.append((self._half.indices(own), size, observation.reward))

    def state(self) -> dict[str, object]:
        return {
            "rng": save_rng(self._rng),
            "controller": self._controller.state(),
            "tried": save_points(self._half, self._tried),
            "barren": self._barren,
            "known": [(list(row), size, reward) for row, size, reward in self._known],
        }

    def restore(self, state: Mapping[str, object]) -> None:
        saved = cast(_Saved, state)
        self._controller.restore(saved["controller"])
        load_rng(self._rng, saved["rng"])
        self._tried = dict.fromkeys(load_points(self._half, saved["tried"]))
        self._barren = saved["barren"]
        self._known = [(list(row), size, reward) for row, size, reward in saved["known"]]

    @property
    def _learns(self) -> bool:
        return self._settings.settings.prefer == LEARNED

    def _drawn(self) -> tuple[Point, Completed] | None:
        """The most promising network among some that were drawn, with its other half; a legal one if any is."""
        drawn = [(point, self._settings.complete(point)) for point in self._pool()]
        pool = [pair for pair in drawn if pair[1].legal] or drawn
        if len(pool) < 2:
            return pool[0] if pool else None
        return pool[int(np.argmax(self._promises(pool)))]

    def _pool(self) -> list[Point]:
        """Different networks that were not suggested before, as many as are drawn for a suggestion or fewer."""
        among = self._settings.settings.among
        if not self._learns:
            found = (self._untried() for _ in range(among))
            return list(dict.fromkeys(point for point in found if point is not None))
        drawn = dict.fromkeys(self._half.sample(self._rng, among))
        pool = [point for point in drawn if point not in self._tried]
        last = None if pool else draw_untried(self._half, self._rng, self._tried)
        return pool if last is None else [last]

    def _promises(self, pool: Sequence[tuple[Point, Completed]]) -> npt.NDArray[np.float64]:
        """Of each of some networks: how large it is, or how good it may be by what is known."""
        sizes = np.array([found.promise for _, found in pool])
        if not self._learns or len(self._known) < LEARNS_FROM:
            return sizes
        rows, known_sizes, rewards = (np.array(column) for column in zip(*self._known, strict=True))
        asked = np.array([self._half.indices(point) for point, _ in pool])
        return upper_bounds(rows, known_sizes, rewards, asked, sizes)

    def _untried(self) -> Point | None:
        """A network not suggested before; a controller that has settled gets another one near its choice instead."""
        if len(self._tried) >= self._half.size:
            return None
        for _ in range(REPEATS):
            suggestions = self._controller.suggest(1)
            if not suggestions:
                return None
            point = suggestions[0].point
            if point not in self._tried:
                return point
        near = [other for other in self._half.neighbours(point) if other not in self._tried]
        return near[int(self._rng.integers(len(near)))] if near else draw_untried(self._half, self._rng, self._tried)

    def _suggestion(self, point: Point, found: Completed) -> Suggestion:
        searched, solved = self._settings.searched, self._settings.solved
        whole = join(**{searched: point, solved: found.other})
        self._barren = 0 if found.legal else self._barren + 1
        hand_on = self._barren == 0 or self._barren >= self._settings.settings.screens
        if hand_on:
            self._barren = 0
        return Suggestion(whole, Stage.TRAIN if hand_on else Stage.PRICE)

"""Can a search and the weights it judges by be learned at once? One categorical per decision, REINFORCE, then arg-max.

For a fixed number of steps the policy draws a point, every decision on its own, those of the network and those of the
accelerator alike, and asks for a look at it (`Stage.LOOK`): shared weights learn with that network for one step and say
how good it is. From the reward the policy learns, slowly at first and faster to the end. Then the search is over: the
most likely point is suggested for the whole evaluation, and if a study wants more trials, the next likely ones.

The defaults are those of the published code of Bender2020, which Zhou2021 build on; they are for some 27,000 steps of
4,096 images. For a search of a few thousand steps take a learning rate some ten times as high.

References:
    Bender2020: G. Bender et al., Can Weight Sharing Outperform Random Architecture Search? An Investigation With TuNAS,
        CVPR 2020, arXiv 2008.06120; `google-research/google-research`, `tunas/`.
    Zhou2021: Y. Zhou et al., Rethinking Co-design of Neural Architectures and Hardware Accelerators (NAHAS), arXiv
        2102.08619: the same with the decisions of the accelerator added.
    Williams1992: R. J. Williams, Simple statistical gradient-following algorithms for connectionist reinforcement
        learning, Machine Learning 8, 1992.

Departures:
    While all operators are on, Bender2020 average the outputs of all operators of a layer. Here they share one array,
    the whole of which is the largest operator, so that one stands for all.
    Adam remembers gradients from where the learning rate is above 0, not from the first step on.
    Rewards of infeasible points are bent into [-1, 0] (`reinforce.learning_reward`).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import ConfigError
from coexplore.spaces.conditions import deactivate
from coexplore.spaces.space import Point, Space
from coexplore.strategies.checkpoint import (
    SavedArray,
    load_array,
    load_points,
    load_rng,
    save_array,
    save_points,
    save_rng,
)
from coexplore.strategies.reinforce import learning_reward
from coexplore.strategies.settings import check_real, check_whole
from coexplore.strategies.strategy import STRATEGIES, Observation, Stage, Strategy, Suggestion

Reals = npt.NDArray[np.float64]

SECOND, TINY = 0.999, 1e-8
"""Adam's memory of squared gradients and what keeps its steps finite; it has no memory of gradients (beta1 = 0)."""


@STRATEGIES.register("one-shot")
@dataclass(frozen=True, slots=True)
class OneShot:
    """TuNAS (Bender2020) over all decisions of a space."""

    steps: int = 2000
    """Looks before the search ends; each is one step of the shared weights."""
    learning_rate: float = 4.8e-3
    """Step of Adam where the policy begins to learn: 3e-4 for each 256 of 4,096 images."""
    delay: float = 0.25
    """Share of the steps in which the policy does not learn."""
    growth: float = 10.0
    """How many times as high the learning rate is at the end; it grows exponentially."""
    baseline_decay: float = 0.95
    """Weight of the old baseline when a reward arrives."""
    entropy: float = 0.0
    """Weight of the policy's entropy, in reward per nat."""
    operator_warmup: float = 0.25
    """Share of the steps in which decisions on operators take their largest value instead of the drawn one, with a
    probability that falls from 1 to 0."""
    filter_warmup: float = 0.25
    """The same for decisions on filters."""
    operators: tuple[str, ...] = ("kernel", "expansion", "depth")
    """What the names of decisions on operators begin with, after the side they are of."""
    filters: tuple[str, ...] = ("width",)
    """What the names of decisions on filters begin with."""

    def __post_init__(self) -> None:
        check_whole("steps", self.steps, at_least=1)
        check_real("learning_rate", self.learning_rate, 0.0, 10.0)
        check_real("delay", self.delay, 0.0, 1.0)
        check_real("growth", self.growth, 1e-6, 1e6)
        check_real("baseline_decay", self.baseline_decay, 0.0, 0.999)
        check_real("entropy", self.entropy, 0.0, 1e6)
        for field in ("operators", "filters"):
            names = getattr(self, field)
            if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name for name in names):
                raise ConfigError(f"{field}: is {names!r}; give a list of names")
            object.__setattr__(self, field, tuple(names))
        for field in ("operator_warmup", "filter_warmup"):
            check_real(field, getattr(self, field), 0.0, 1.0)
            if getattr(self, field) > self.delay:
                raise ConfigError(
                    f"{field}: is {getattr(self, field):g}, beyond the delay of {self.delay:g}; the policy would learn "
                    "from networks it did not draw; lower it, or delay longer"
                )

    @property
    def looks(self) -> int:
        """Looks that a search asks for before anything else; see `SearchByLooks`."""
        return self.steps

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0; 0 before the delay is over."""
        first = int(self.delay * self.steps)
        if not first <= step < self.steps:
            return 0.0
        return self.learning_rate * math.pow(self.growth, (step - first) / (self.steps - first))

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A policy that draws uniformly; it learns from the reward and does not look at the losses."""
        return _OneShot(self, space, rng)


class _Saved(TypedDict):
    rng: object
    logits: SavedArray
    second: SavedArray
    learned: int
    baseline: float | None
    asked: int
    heard: int
    suggested: list[list[int]]


class _OneShot:
    def __init__(self, settings: OneShot, space: Space, rng: np.random.Generator) -> None:
        self._settings, self._space, self._rng = settings, space, rng
        self._policy = Categoricals(space)
        self._second = np.zeros_like(self._policy.logits)
        self._learned = 0
        """Steps of Adam."""
        self._baseline: float | None = None
        self._asked = 0
        """Looks suggested."""
        self._heard = 0
        """Observations counted, of any point."""
        self._suggested: dict[Point, None] = {}
        """For the whole evaluation."""
        self._warmed = [
            _share(name, settings.operators) * settings.operator_warmup
            or _share(name, settings.filters) * settings.filter_warmup
            for name in space.names
        ]
        """Share of the steps in which each decision may be replaced."""

    def suggest(self, n: int) -> list[Suggestion]:
        found: list[Suggestion] = []
        while len(found) < n and (suggestion := self._next()) is not None:
            found.append(suggestion)
        return found

    def observe(self, new: Sequence[Observation]) -> None:
        for observation in new:
            reward = learning_reward(observation)
            if self._heard < self._settings.steps and observation.final and math.isfinite(reward):
                self._learn(observation.point, reward)
                self._heard += 1

    def state(self) -> dict[str, object]:
        return {
            "rng": save_rng(self._rng),
            "logits": save_array(self._policy.logits),
            "second": save_array(self._second),
            "learned": self._learned,
            "baseline": self._baseline,
            "asked": self._asked,
            "heard": self._heard,
            "suggested": save_points(self._space, self._suggested),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        saved = cast(_Saved, state)
        load_rng(self._rng, saved["rng"])
        self._policy.logits[:] = load_array(saved["logits"])
        self._second = load_array(saved["second"])
        self._learned, self._baseline = saved["learned"], saved["baseline"]
        self._asked, self._heard = saved["asked"], saved["heard"]
        self._suggested = dict.fromkeys(load_points(self._space, saved["suggested"]))

    def _next(self) -> Suggestion | None:
        if self._asked < self._settings.steps:
            done = self._asked / self._settings.steps
            self._asked += 1
            return Suggestion(self._draw(done), Stage.LOOK)
        for point in self._policy.most_likely():
            if point not in self._suggested:
                self._suggested[point] = None
                return Suggestion(point)
        return None

    def _draw(self, done: float) -> Point:
        """A point of the policy, in which decisions that are warmed up may take their largest value."""
        drawn, coins = self._policy.draw(self._rng.random(len(self._warmed))), self._rng.random(len(self._warmed))
        for position, share in enumerate(self._warmed):
            if share and coins[position] < 1.0 - done / share:
                drawn[position] = self._space.sizes[position] - 1
        return self._policy.point(drawn)

    def _learn(self, point: Point, reward: float) -> None:
        """One step of REINFORCE; the baseline has heard of the reward before, as in the published code."""
        decay = self._settings.baseline_decay
        self._baseline = reward if self._baseline is None else decay * self._baseline + (1 - decay) * reward
        rate = self._settings.rate(self._heard)
        if rate <= 0.0:
            return
        row = self._space.indices(point)
        slope = (reward - self._baseline) * self._policy.slope(row) + self._settings.entropy * self._policy.spread(row)
        self._learned += 1
        self._second += (1 - SECOND) * (slope**2 - self._second)
        size = np.sqrt(self._second / (1 - SECOND**self._learned))
        self._policy.logits += rate * slope / (size + TINY)


class Categoricals:
    """One independent categorical for each decision of a space, all their logits in one array.

    Args:
        space: the decisions; at first all values of each are equally likely.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        ends = np.cumsum(np.array(space.sizes, dtype=np.int64))
        self._parts = [slice(int(end) - size, int(end)) for end, size in zip(ends, space.sizes, strict=True)]
        self.logits: Reals = np.zeros(sum(space.sizes))

    def probabilities(self) -> list[Reals]:
        """Of the values of each decision."""
        return [_softmax(self.logits[part]) for part in self._parts]

    def draw(self, unit: Reals) -> npt.NDArray[np.int64]:
        """Indices of values, one for each number in [0, 1)."""
        found = [
            int(np.searchsorted(np.cumsum(p), u, "right")) for p, u in zip(self.probabilities(), unit, strict=True)
        ]
        # The last cumulative probability may fall short of 1 by rounding.
        return np.minimum(np.array(found, dtype=np.int64), np.array(self._space.sizes, dtype=np.int64) - 1)

    def point(self, indices: npt.NDArray[np.int64]) -> Point:
        """The point of one index per decision; what is inactive drops out."""
        row = deactivate(self._space.links, indices.reshape(1, len(self._parts)))
        return self._space.at(row[0].tolist())

    def slope(self, row: Sequence[int]) -> Reals:
        """Gradient of the log-probability of a row of indices; inactive decisions (-1) have none."""
        slope = np.zeros_like(self.logits)
        for part, index, p in zip(self._parts, row, self.probabilities(), strict=True):
            if index >= 0:
                slope[part] = -p
                slope[part.start + index] += 1.0
        return slope

    def spread(self, row: Sequence[int]) -> Reals:
        """Gradient of the entropy of the decisions that are active in a row."""
        slope = np.zeros_like(self.logits)
        for part, index, p in zip(self._parts, row, self.probabilities(), strict=True):
            if index >= 0:
                logs = np.log(np.maximum(p, TINY))
                slope[part] = -p * (logs - p @ logs)
        return slope

    def most_likely(self) -> Iterator[Point]:
        """All points, each once, from the most likely one down; the first of equals is that of the earlier values."""
        orders = [np.argsort(-self.logits[part], kind="stable") for part in self._parts]
        losses = [self.logits[part].max() - self.logits[part][o] for part, o in zip(self._parts, orders, strict=True)]
        first = (0,) * len(orders)
        queue, seen, given = [(0.0, first)], {first}, set[Point]()
        while queue:
            loss, ranks = heapq.heappop(queue)
            point = self.point(
                np.array([order[rank] for order, rank in zip(orders, ranks, strict=True)], dtype=np.int64)
            )
            if point not in given:
                given.add(point)
                yield point
            for position, rank in enumerate(ranks):
                after = (*ranks[:position], rank + 1, *ranks[position + 1 :])
                if rank + 1 < len(orders[position]) and after not in seen:
                    seen.add(after)
                    heapq.heappush(queue, (loss + float(losses[position][rank + 1] - losses[position][rank]), after))


def _softmax(logits: Reals) -> Reals:
    raised = np.exp(logits - logits.max())
    result: Reals = raised / raised.sum()
    return result


def _share(name: str, beginnings: Sequence[str]) -> float:
    """1 for a decision whose own name begins with one of these, else 0."""
    return float(any(name.rpartition(".")[2].startswith(beginning) for beginning in beginnings))

"""Can a controller learn which choices pay? REINFORCE on a recurrent policy over all decisions of a space.

For a design space the decisions are those of the network followed by those of the accelerator: one controller for both.

References:
    Williams1992: R. J. Williams, Simple statistical gradient-following algorithms for connectionist reinforcement
        learning, Machine Learning 8, 1992.
    Jiang2020: W. Jiang et al., Hardware/software co-exploration of neural architectures, IEEE TCAD 2020,
        arXiv 1907.04650; the controller of the same group's public code `weiwenjiang/rl_interface`.
    Kingma2015: D. P. Kingma, J. Ba, Adam: a method for stochastic optimization, ICLR 2015, arXiv 1412.6980.

Departures:
    The baseline weights the newest reward most; the public code weights the oldest most. Adam instead of RMSProp.
    The gradient is that of the weights at the time of learning, some observations after the point was drawn.
    Advantages are divided by their own moving average, so that no setting depends on the unit of the reward.
    Rewards of infeasible points are bent into [-1, 0] without changing their order, so that one gross violation does
    not drown what the feasible ones say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypedDict, cast

import numpy as np

from coexplore.spaces.space import Space
from coexplore.strategies.checkpoint import SavedArray, load_array, load_rng, save_array, save_rng
from coexplore.strategies.recurrent_policy import RecurrentPolicy, Weights
from coexplore.strategies.settings import check_real, check_whole
from coexplore.strategies.strategy import STRATEGIES, Observation, Strategy, Suggestion


@STRATEGIES.register("reinforce")
@dataclass(frozen=True, slots=True)
class Reinforce:
    """REINFORCE (Williams1992) with a moving baseline and an optional entropy bonus."""

    learns_by_decision: ClassVar[bool] = True
    """Credits of single decisions teach it, which two-level search asks for where it has fast steps."""

    hidden: int = 32
    """Units of the LSTM."""
    embedding: int = 16
    """Length of the vector of each value."""
    learning_rate: float = 0.02
    """Step of Adam."""
    batch: int = 4
    """Observations per step of Adam."""
    baseline_decay: float = 0.9
    """Weight of the old baseline when a reward arrives; the reward has the rest."""
    entropy: float = 0.1
    """Weight of the policy's entropy, in usual advantages per nat; delays settling on one point."""
    discount: float = 1.0
    """The choice that is `n` choices before the last counts `discount ** n` (Jiang2020); 1 counts all alike."""
    learning_rate_decay: float = 1.0
    """What the learning rate is multiplied by after every `decay_steps` steps; the public code has 0.5."""
    decay_steps: int = 50
    """Steps of Adam after which the learning rate falls."""

    def __post_init__(self) -> None:
        for field in ("hidden", "embedding", "batch", "decay_steps"):
            check_whole(field, getattr(self, field), at_least=1)
        check_real("learning_rate", self.learning_rate, 0.0, 10.0)
        check_real("baseline_decay", self.baseline_decay, 0.0, 0.999)
        check_real("entropy", self.entropy, 0.0, 1e6)
        check_real("discount", self.discount, 0.0, 1.0)
        check_real("learning_rate_decay", self.learning_rate_decay, 1e-6, 1.0)

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """An untrained controller; it learns from the reward and does not look at the losses."""
        return _Reinforce(self, space, rng)


class Adam:
    """Adam (Kingma2015, algorithm 1) with the published constants, climbing.

    Args:
        weights: changed in place by `climb`.
        learning_rate: size of a step.
        decay: what it is multiplied by after every `every` steps.
        every: see `decay`.
    """

    FIRST, SECOND, TINY = 0.9, 0.999, 1e-8

    def __init__(self, weights: Weights, learning_rate: float, decay: float = 1.0, every: int = 1) -> None:
        self._weights, self._learning_rate = weights, learning_rate
        self._decay, self._every = decay, every
        self.steps = 0
        self.first = {name: np.zeros_like(weight) for name, weight in weights.items()}
        self.second = {name: np.zeros_like(weight) for name, weight in weights.items()}

    def climb(self, gradient: Weights) -> None:
        """One step along the gradient."""
        rate = self._learning_rate * self._decay ** (self.steps // self._every)
        self.steps += 1
        for name, slope in gradient.items():
            self.first[name] += (1 - self.FIRST) * (slope - self.first[name])
            self.second[name] += (1 - self.SECOND) * (slope**2 - self.second[name])
            mean = self.first[name] / (1 - self.FIRST**self.steps)
            size = np.sqrt(self.second[name] / (1 - self.SECOND**self.steps))
            self._weights[name] += rate * mean / (size + self.TINY)


class SavedUsual(TypedDict):
    """`Usual` as JSON."""

    mean: float | None
    swing: float


class _Saved(TypedDict):
    rng: object
    weights: dict[str, SavedArray]
    first: dict[str, SavedArray]
    second: dict[str, SavedArray]
    steps: int
    usual: SavedUsual
    usual_credit: SavedUsual
    rows: list[list[int]]
    pulls: list[list[float]]


@dataclass(slots=True)
class Usual:
    """What rewards are usually like: their moving average, and how far from it they usually are."""

    decay: float
    mean: float | None = None
    swing: float = 0.0

    def advantages(self, rewards: Sequence[float]) -> list[float]:
        """Rewards above the average so far, in units of what is usual; both averages then move toward the newest."""
        newest = math.fsum(rewards) / len(rewards)
        before = newest if self.mean is None else self.mean
        away = math.fsum(abs(reward - before) for reward in rewards) / len(rewards)
        self.mean = self.decay * before + (1 - self.decay) * newest
        self.swing = self.decay * self.swing + (1 - self.decay) * away
        return [(reward - before) / self.swing if self.swing > 0 else 0.0 for reward in rewards]

    def state(self) -> SavedUsual:
        """Both averages."""
        return {"mean": self.mean, "swing": self.swing}

    def restore(self, saved: SavedUsual) -> None:
        """Go on from both."""
        self.mean, self.swing = saved["mean"], saved["swing"]


class _Reinforce:
    def __init__(self, settings: Reinforce, space: Space, rng: np.random.Generator) -> None:
        self._settings, self._space, self._rng = settings, space, rng
        self._policy = RecurrentPolicy(space, settings.hidden, settings.embedding, rng)
        decay, every = settings.learning_rate_decay, settings.decay_steps
        self._adam = Adam(self._policy.weights, settings.learning_rate, decay, every)
        self._usual, self._usual_credit = Usual(settings.baseline_decay), Usual(settings.baseline_decay)
        self._rows: list[list[int]] = []
        self._pulls: list[list[float]] = []

    def suggest(self, n: int) -> list[Suggestion]:
        return [Suggestion(self._space.at(self._policy.draw(self._rng))) for _ in range(n)]

    def observe(self, new: Sequence[Observation]) -> None:
        for observation in new:
            if not len(self._space.decisions):
                continue
            row = self._space.indices(observation.point)
            if observation.credits:
                self._take(row, self._usual_credit.advantages(self._credits(observation)))
            elif observation.final and math.isfinite(reward := learning_reward(observation)):
                self._take(row, self._usual.advantages([reward]) * len(row))

    def state(self) -> dict[str, object]:
        return {
            "rng": save_rng(self._rng),
            "weights": save_arrays(self._policy.weights),
            "first": save_arrays(self._adam.first),
            "second": save_arrays(self._adam.second),
            "steps": self._adam.steps,
            "usual": self._usual.state(),
            "usual_credit": self._usual_credit.state(),
            "rows": [list(row) for row in self._rows],
            "pulls": [list(row) for row in self._pulls],
        }

    def restore(self, state: Mapping[str, object]) -> None:
        saved = cast(_Saved, state)
        load_rng(self._rng, saved["rng"])
        self._policy.weights.update(load_arrays(saved["weights"]))
        self._adam.first, self._adam.second = load_arrays(saved["first"]), load_arrays(saved["second"])
        self._adam.steps = saved["steps"]
        self._usual.restore(saved["usual"])
        self._usual_credit.restore(saved["usual_credit"])
        self._rows, self._pulls = [list(row) for row in saved["rows"]], [list(row) for row in saved["pulls"]]

    def _credits(self, observation: Observation) -> list[float]:
        """One for each decision of the space; those without their own have the mean of the others."""
        own = dict(observation.credits)
        mean = math.fsum(own.values()) / len(own)
        return [own.get(name, mean) for name in self._space.names]

    def _take(self, row: list[int], advantages: Sequence[float]) -> None:
        active = [position for position, index in enumerate(row) if index >= 0]
        after = {position: len(active) - 1 - order for order, position in enumerate(active)}
        discount = self._settings.discount
        self._rows.append(row)
        self._pulls.append([discount ** after.get(p, 0) * advantage for p, advantage in enumerate(advantages)])
        if len(self._rows) == self._settings.batch:
            self._learn()

    def _learn(self) -> None:
        shape = (len(self._rows), len(self._space.decisions))
        rows, pulls = np.array(self._rows, dtype=np.int64).reshape(shape), np.array(self._pulls).reshape(shape)
        self._adam.climb(self._policy.gradient(rows, pulls, self._settings.entropy))
        self._rows, self._pulls = [], []


def learning_reward(observation: Observation) -> float:
    """The reward, bent into [-1, 0] when infeasible: `r / (1 - r)`, which keeps slight and gross violations apart."""
    reward = observation.reward
    if observation.feasible:
        return reward
    return -1.0 if reward == -math.inf else reward / (1.0 - min(reward, 0.0))


def save_arrays(arrays: Weights) -> dict[str, SavedArray]:
    """Weights as JSON."""
    return {name: save_array(array) for name, array in arrays.items()}


def load_arrays(saved: Mapping[str, SavedArray]) -> Weights:
    """The weights of `save_arrays`."""
    return {name: load_array(array) for name, array in saved.items()}

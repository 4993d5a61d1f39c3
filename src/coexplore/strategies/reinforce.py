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
from typing import TypedDict, cast

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

    def __post_init__(self) -> None:
        for field in ("hidden", "embedding", "batch"):
            check_whole(field, getattr(self, field), at_least=1)
        check_real("learning_rate", self.learning_rate, 0.0, 10.0)
        check_real("baseline_decay", self.baseline_decay, 0.0, 0.999)
        check_real("entropy", self.entropy, 0.0, 1e6)

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """An untrained controller; it learns from the reward and does not look at the losses."""
        return _Reinforce(self, space, rng)


class Adam:
    """Adam (Kingma2015, algorithm 1) with the published constants, climbing.

    Args:
        weights: changed in place by `climb`.
        learning_rate: size of a step.
    """

    FIRST, SECOND, TINY = 0.9, 0.999, 1e-8

    def __init__(self, weights: Weights, learning_rate: float) -> None:
        self._weights, self._learning_rate = weights, learning_rate
        self.steps = 0
        self.first = {name: np.zeros_like(weight) for name, weight in weights.items()}
        self.second = {name: np.zeros_like(weight) for name, weight in weights.items()}

    def climb(self, gradient: Weights) -> None:
        """One step along the gradient."""
        self.steps += 1
        for name, slope in gradient.items():
            self.first[name] += (1 - self.FIRST) * (slope - self.first[name])
            self.second[name] += (1 - self.SECOND) * (slope**2 - self.second[name])
            mean = self.first[name] / (1 - self.FIRST**self.steps)
            size = np.sqrt(self.second[name] / (1 - self.SECOND**self.steps))
            self._weights[name] += self._learning_rate * mean / (size + self.TINY)


class _Saved(TypedDict):
    rng: object
    weights: dict[str, SavedArray]
    first: dict[str, SavedArray]
    second: dict[str, SavedArray]
    steps: int
    baseline: float | None
    rows: list[list[int]]
    advantages: list[float]
    swing: float


class _Reinforce:
    def __init__(self, settings: Reinforce, space: Space, rng: np.random.Generator) -> None:
        self._settings, self._space, self._rng = settings, space, rng
        self._policy = RecurrentPolicy(space, settings.hidden, settings.embedding, rng)
        self._adam = Adam(self._policy.weights, settings.learning_rate)
        self._baseline: float | None = None
        self._swing = 0.0
        self._rows: list[list[int]] = []
        self._advantages: list[float] = []

    def suggest(self, n: int) -> list[Suggestion]:
        return [Suggestion(self._space.at(self._policy.draw(self._rng))) for _ in range(n)]

    def observe(self, new: Sequence[Observation]) -> None:
        for observation in new:
            reward = learning_reward(observation)
            if observation.final and math.isfinite(reward):
                self._rows.append(self._space.indices(observation.point))
                self._advantages.append(self._advantage(reward))
                if len(self._rows) == self._settings.batch:
                    self._learn()

    def state(self) -> dict[str, object]:
        return {
            "rng": save_rng(self._rng),
            "weights": _save_arrays(self._policy.weights),
            "first": _save_arrays(self._adam.first),
            "second": _save_arrays(self._adam.second),
            "steps": self._adam.steps,
            "baseline": self._baseline,
            "swing": self._swing,
            "rows": [list(row) for row in self._rows],
            "advantages": list(self._advantages),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        saved = cast(_Saved, state)
        load_rng(self._rng, saved["rng"])
        self._policy.weights.update(_load_arrays(saved["weights"]))
        self._adam.first, self._adam.second = _load_arrays(saved["first"]), _load_arrays(saved["second"])
        self._adam.steps, self._baseline = saved["steps"], saved["baseline"]
        self._swing = saved["swing"]
        self._rows, self._advantages = [list(row) for row in saved["rows"]], list(saved["advantages"])

    def _advantage(self, reward: float) -> float:
        """Reward above the baseline so far, in units of what is usual; both averages then move toward the newest."""
        before = reward if self._baseline is None else self._baseline
        decay = self._settings.baseline_decay
        self._baseline = decay * before + (1 - decay) * reward
        self._swing = decay * self._swing + (1 - decay) * abs(reward - before)
        return (reward - before) / self._swing if self._swing > 0 else 0.0

    def _learn(self) -> None:
        rows = np.array(self._rows, dtype=np.int64).reshape(len(self._rows), len(self._space.decisions))
        self._adam.climb(self._policy.gradient(rows, np.array(self._advantages), self._settings.entropy))
        self._rows, self._advantages = [], []


def learning_reward(observation: Observation) -> float:
    """The reward, bent into [-1, 0] when infeasible: `r / (1 - r)`, which keeps slight and gross violations apart."""
    reward = observation.reward
    if observation.feasible:
        return reward
    return -1.0 if reward == -math.inf else reward / (1.0 - min(reward, 0.0))


def _save_arrays(arrays: Weights) -> dict[str, SavedArray]:
    return {name: save_array(array) for name, array in arrays.items()}


def _load_arrays(saved: Mapping[str, SavedArray]) -> Weights:
    return {name: load_array(array) for name, array in saved.items()}

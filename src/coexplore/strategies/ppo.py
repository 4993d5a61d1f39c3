"""Can a controller learn more from each reward? PPO on a recurrent policy over all decisions of a space.

For a design space the decisions are those of the network followed by those of the accelerator: one controller for both,
as the multi-trial search of NAHAS has it.

References:
    Schulman2017: J. Schulman et al., Proximal policy optimization algorithms, arXiv 1707.06347, equation 7.
    Zhou2021: Y. Zhou et al., Rethinking co-design of neural architectures and hardware accelerators (NAHAS), arXiv
        2102.08619. That its controller is a recurrent policy trained with PPO is recalled; its settings are not known.

Departures:
    There is no value network: a point is one episode with one reward, and the advantage is the reward above its moving
    average, in units of what is usual (`reinforce`). The ratio is that of single choices, and the old policy the one at
    the time of learning: points drawn some observations earlier count as drawn by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np
import numpy.typing as npt

from coexplore.spaces.space import Space
from coexplore.strategies.checkpoint import SavedArray, load_rng, save_rng
from coexplore.strategies.recurrent_policy import RecurrentPolicy
from coexplore.strategies.reinforce import (
    Adam,
    SavedUsual,
    Usual,
    learning_reward,
    load_arrays,
    save_arrays,
)
from coexplore.strategies.settings import check_real, check_whole
from coexplore.strategies.strategy import STRATEGIES, Observation, Strategy, Suggestion

Floats = npt.NDArray[np.float64]


@STRATEGIES.register("ppo")
@dataclass(frozen=True, slots=True)
class Ppo:
    """PPO with the clipped surrogate (Schulman2017) on a recurrent policy."""

    hidden: int = 32
    """Units of the LSTM."""
    embedding: int = 16
    """Length of the vector of each value."""
    learning_rate: float = 0.01
    """Step of Adam."""
    batch: int = 8
    """Observations that are learnt from together."""
    epochs: int = 4
    """Steps of Adam on each batch."""
    clip: float = 0.2
    """A choice is made likelier or less likely by no more than this share in one batch (Schulman2017: 0.2)."""
    baseline_decay: float = 0.9
    """Weight of the old baseline when a reward arrives; the reward has the rest."""
    entropy: float = 0.05
    """Weight of the policy's entropy, in usual advantages per nat; delays settling on one point."""

    def __post_init__(self) -> None:
        for field in ("hidden", "embedding", "batch", "epochs"):
            check_whole(field, getattr(self, field), at_least=1)
        check_real("learning_rate", self.learning_rate, 0.0, 10.0)
        check_real("clip", self.clip, 1e-6, 1e6)
        check_real("baseline_decay", self.baseline_decay, 0.0, 0.999)
        check_real("entropy", self.entropy, 0.0, 1e6)

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """An untrained controller; it learns from the reward and does not look at the losses."""
        return _Ppo(self, space, rng)


class _Saved(TypedDict):
    rng: object
    weights: dict[str, SavedArray]
    first: dict[str, SavedArray]
    second: dict[str, SavedArray]
    steps: int
    usual: SavedUsual
    rows: list[list[int]]
    advantages: list[float]


class _Ppo:
    def __init__(self, settings: Ppo, space: Space, rng: np.random.Generator) -> None:
        self._settings, self._space, self._rng = settings, space, rng
        self._policy = RecurrentPolicy(space, settings.hidden, settings.embedding, rng)
        self._adam = Adam(self._policy.weights, settings.learning_rate)
        self._usual = Usual(settings.baseline_decay)
        self._rows: list[list[int]] = []
        self._advantages: list[float] = []

    def suggest(self, n: int) -> list[Suggestion]:
        return [Suggestion(self._space.at(self._policy.draw(self._rng))) for _ in range(n)]

    def observe(self, new: Sequence[Observation]) -> None:
        for observation in new:
            reward = learning_reward(observation)
            if observation.final and math.isfinite(reward) and len(self._space.decisions):
                self._rows.append(self._space.indices(observation.point))
                self._advantages += self._usual.advantages([reward])
                if len(self._rows) == self._settings.batch:
                    self._learn()

    def state(self) -> dict[str, object]:
        return {
            "rng": save_rng(self._rng),
            "weights": save_arrays(self._policy.weights),
            "first": save_arrays(self._adam.first),
            "second": save_arrays(self._adam.second),
            "steps": self._adam.steps,
            "usual": self._usual.state(),
            "rows": [list(row) for row in self._rows],
            "advantages": list(self._advantages),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        saved = cast(_Saved, state)
        load_rng(self._rng, saved["rng"])
        self._policy.weights.update(load_arrays(saved["weights"]))
        self._adam.first, self._adam.second = load_arrays(saved["first"]), load_arrays(saved["second"])
        self._adam.steps = saved["steps"]
        self._usual.restore(saved["usual"])
        self._rows, self._advantages = [list(row) for row in saved["rows"]], list(saved["advantages"])

    def _learn(self) -> None:
        rows, advantages = np.array(self._rows, np.int64), np.array(self._advantages)
        reading = self._policy.read(rows)
        before = reading.log_chances
        for epoch in range(self._settings.epochs):
            reading = self._policy.read(rows) if epoch else reading
            pulls = clipped_pulls(reading.log_chances - before, advantages, self._settings.clip)
            self._adam.climb(self._policy.gradient_of(reading, pulls, self._settings.entropy))
        self._rows, self._advantages = [], []


def clipped_pulls(log_ratios: Floats, advantages: Floats, clip: float) -> Floats:
    """Slopes, with respect to log-probabilities, of `min(r A, clip(r, 1 - clip, 1 + clip) A)` (Schulman2017, eq. 7).

    Args:
        log_ratios: (n, d) logarithm of `r`, how much likelier each choice is than before.
        advantages: (n,) `A`.
        clip: how far `r` may leave 1 before there is nothing more to gain.
    """
    ratios = np.exp(log_ratios)
    advantage = np.broadcast_to(advantages[:, None], ratios.shape)
    spent = np.where(advantage > 0, ratios > 1 + clip, ratios < 1 - clip)
    return np.where(spent, 0.0, ratios * advantage)

"""How is a space searched? The ask/tell protocol: strategies see points and numbers, never networks or accelerators."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from coexplore.core.errors import EvaluationError
from coexplore.core.registry import Registry
from coexplore.spaces.space import Point, Space


class Stage(enum.Enum):
    """How far an evaluation is wanted to go, or got."""

    PRICE = "price"
    """Cost only: cheap, answered before the next `suggest`."""
    LOOK = "look"
    """Cost, and how good shared weights that learn on the way say the network is: no trial, answered before the next
    `suggest`."""
    TRAIN = "train"
    """The whole evaluation."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A point a strategy wants to know more about, and how much more."""

    point: Point
    stage: Stage = Stage.TRAIN


@dataclass(frozen=True, slots=True)
class Observation:
    """All a strategy ever learns about a point.

    Raises:
        EvaluationError: a number is NaN, which no strategy could rank.
    """

    point: Point
    stage: Stage
    """How far the evaluation got."""
    losses: tuple[float, ...]
    """One per objective, minimised; `+inf` where unknown."""
    violation: float
    """Relative distance from the constraints; 0 when they are met."""
    feasible: bool
    reward: float
    """The study's scalarisation, higher is better; at most 0 when infeasible."""
    shares: tuple[tuple[str, float], ...] = ()
    """How busy the part of the hardware is that each decision works on, by decision; 1 is all it may be. Empty where
    nobody can say, and always after training."""
    credits: tuple[tuple[str, float], ...] = ()
    """Reward of single decisions in place of `reward`, for strategies that learn decision by decision."""

    def __post_init__(self) -> None:
        own = [value for _, value in (*self.shares, *self.credits)]
        if any(math.isnan(number) for number in (*self.losses, self.violation, self.reward, *own)):
            raise EvaluationError(
                f"an observation holds NaN: losses {self.losses}, violation {self.violation}, reward {self.reward}; "
                "write an unknown loss as +inf and a failed evaluation as infeasible"
            )

    @property
    def final(self) -> bool:
        """Whether no fuller answer for the same suggestion will follow.

        A feasible price is not final as long as a loss is unknown: there is nothing to learn from it yet.
        """
        return not self.feasible or self.stage is Stage.TRAIN or all(math.isfinite(loss) for loss in self.losses)

    @property
    def shortfall(self) -> float:
        """Distance from feasibility for ranking: 0 when feasible, else positive; `+inf` when nobody can say how far."""
        if self.feasible:
            return 0.0
        return self.violation if self.violation > 0 else math.inf


class Strategy(Protocol):
    """A search over one space. The caller observes in a fixed order, so that a search depends on its seed alone.

    `coexplore.testing.strategy_contract.StrategyContract` holds these promises as tests.
    """

    def suggest(self, n: int) -> list[Suggestion]:
        """The next `n` suggestions, fewer only when the space is exhausted. Nothing else draws random numbers."""
        ...

    def observe(self, new: Sequence[Observation]) -> None:
        """Learn from observations not seen before.

        They come in any number, late, for points never suggested here, and infeasible.
        """
        ...

    def state(self) -> dict[str, object]:
        """Everything `restore` needs to continue bit-identically, as JSON without NaN and infinity. Changes nothing."""
        ...

    def restore(self, state: Mapping[str, object]) -> None:
        """Continue from a state written by a strategy with the same settings and space."""
        ...


class StrategySettings(Protocol):
    """The settings of a strategy: a frozen dataclass, entered in `STRATEGIES` by name."""

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh search of `space` that owns `rng` from now on and expects `objectives` losses per observation."""
        ...


@runtime_checkable
class SearchByLooks(Protocol):
    """The settings of a strategy that asks for looks, and for nothing else before the last of them."""

    @property
    def looks(self) -> int:
        """How many, at least 1."""
        ...


STRATEGIES: Registry[type[StrategySettings]] = Registry("strategy")
"""The strategies a study can name."""

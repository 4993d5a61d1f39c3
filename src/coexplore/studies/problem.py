"""What is to be solved? Designs to choose from, what is wanted of them, and the means to find out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

from coexplore.accuracy.evaluator import Accuracy
from coexplore.accuracy.halving import Rung
from coexplore.core.hashing import content_hash
from coexplore.design import Design, DesignSpace
from coexplore.objectives.metrics import METRICS, Source
from coexplore.objectives.objective import Constraint, Objective
from coexplore.objectives.reward import Reward
from coexplore.spaces.space import Space
from coexplore.strategies.strategy import StrategySettings
from coexplore.workloads.graph import Workload
from coexplore.workloads.weights import Weights

Curves = Sequence[tuple[float, ...]]
"""Validation accuracy (fraction) after each epoch, one row per network."""


@dataclass(frozen=True, slots=True)
class Priced:
    """What is known of a design before training."""

    metrics: dict[str, float]
    reason: str = ""
    """Why there is no such design, such as an op that fits no mapping; empty where there is one."""
    violation: float = 0.0
    """By what fraction it misses, where there is a reason and that can be said."""
    shares: tuple[tuple[str, float], ...] = ()
    """How busy the part of the hardware is that each decision works on, see `Observation.shares`; may be empty."""


class Pricer(Protocol):
    """Prices designs; a frozen dataclass, whose content is part of the identity of a study."""

    def __call__(self, design: Design) -> Priced:
        """Cost metrics, or the reason why there are none. Equal designs, equal prices."""
        ...


Train = Callable[[Workload, Sequence[Rung]], tuple[Accuracy, Weights]]
"""Trains one network and returns what it reached, with its weights (empty where none are kept)."""


class AccuracySource(Protocol):
    """How the networks of a study come by their accuracy; a frozen dataclass that can be pickled."""

    @property
    def identity(self) -> str:
        """Content hash of all that decides a result beside the network: data, recipe, version."""
        ...

    def prepare(self) -> Train:
        """Load the data and import what training needs; run once in each worker."""
        ...

    def rungs(self, curves: Curves) -> tuple[Rung, ...]:
        """Thresholds below which the next training stops early, from the networks trained so far."""
        ...


class Looks(Protocol):
    """Shared weights that learn while a search looks at networks."""

    @property
    def step(self) -> int:
        """Looks so far."""
        ...

    @property
    def steps(self) -> int:
        """Looks there will be."""
        ...

    def look(self, workload: Workload) -> float:
        """Learn for one step with a network; its accuracy (fraction), roughly."""
        ...

    def skip(self) -> None:
        """Count a look at a design that is not worth one."""
        ...

    def save(self) -> None:
        """Make sure that `resume` can go on from here."""
        ...

    def resume(self, step: int) -> None:
        """Go on as after so many looks; 0 begins anew."""
        ...


@runtime_checkable
class SharedSource(AccuracySource, Protocol):
    """A source whose networks share weights, which are made before any worker starts."""

    def ready(self, folder: Path, on_step: Callable[[int, int], None]) -> SharedSource:
        """The source with its weights in a folder, trained there unless a search trains them."""
        ...

    def looking(self) -> Looks | None:
        """What trains the weights while a search looks at networks; None where `ready` has trained them."""
        ...


@dataclass(frozen=True)
class Problem:
    """A study without its files, its budget and its progress."""

    designs: DesignSpace
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    reward: Reward
    strategy: StrategySettings
    pricer: Pricer
    accuracy: AccuracySource | None
    """None where nothing asks for accuracy: then nothing is trained."""
    seed: int = 0
    width: int = 4
    """The suggestion of trial i hears of trials up to i - width; so many may be evaluated side by side."""

    @property
    def space(self) -> Space:
        """What the strategy searches."""
        return self.designs.space

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of everything that decides a result."""
        identity = self.accuracy and self.accuracy.identity
        return content_hash(
            (
                (self.designs, self.objectives, self.constraints, self.reward, self.strategy),
                (self.space, self.pricer, self.accuracy, identity, self.seed, self.width),
            )
        )


def asks_for_accuracy(objectives: Sequence[Objective], constraints: Sequence[Constraint]) -> bool:
    """Whether any objective or constraint is about what only training tells."""
    wanted = [objective.metric for objective in objectives] + [constraint.metric for constraint in constraints]
    return any(METRICS.get(metric).source is Source.ACCURACY for metric in wanted)

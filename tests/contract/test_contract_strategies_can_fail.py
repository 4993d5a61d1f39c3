"""The suite for strategies notices when a promise is broken."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from coexplore.spaces.space import Point, Space
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.strategy import Observation, Stage, Strategy, StrategySettings, Suggestion
from coexplore.testing.strategy_contract import StrategyContract


class Honest:
    """Random search; those below break one promise each."""

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self.space, self.rng = space, rng
        self.inner = RandomSearch().start(space, rng, 1)

    def suggest(self, n: int) -> list[Suggestion]:
        return self.inner.suggest(n)

    def observe(self, new: Sequence[Observation]) -> None:
        self.inner.observe(new)

    def state(self) -> dict[str, object]:
        return self.inner.state()

    def restore(self, state: Mapping[str, object]) -> None:
        self.inner.restore(state)


class Lawless(Honest):
    def suggest(self, n: int) -> list[Suggestion]:
        return [Suggestion(Point((("surprise", 1),))) for _ in range(n)]


class Stingy(Honest):
    def suggest(self, n: int) -> list[Suggestion]:
        return self.inner.suggest(min(n, 1))


class Moody(Honest):
    def suggest(self, n: int) -> list[Suggestion]:
        return [Suggestion(point) for point in self.space.sample(np.random.default_rng(), n)]


class Gambler(Honest):
    def observe(self, new: Sequence[Observation]) -> None:
        self.rng.random()


class Forgetful(Honest):
    def state(self) -> dict[str, object]:
        return {**self.inner.state(), "tried": []}


class Unwritable(Honest):
    def state(self) -> dict[str, object]:
        return {**self.inner.state(), "best": float("inf")}


class Disturbed(Honest):
    def state(self) -> dict[str, object]:
        self.inner.suggest(1)
        return self.inner.state()


class Haggler(Honest):
    def suggest(self, n: int) -> list[Suggestion]:
        return [Suggestion(suggestion.point, Stage.PRICE) for suggestion in self.inner.suggest(n)]


class Fragile(Honest):
    def observe(self, new: Sequence[Observation]) -> None:
        json.dumps([observation.losses for observation in new], allow_nan=False)


class Batchy(Honest):
    def observe(self, new: Sequence[Observation]) -> None:
        if len(new) > 1:
            self.inner.suggest(1)


@dataclass(frozen=True)
class Settings:
    make: Callable[[Space, np.random.Generator], Strategy]

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        return self.make(space, rng)


def check(promise: str, settings: StrategySettings) -> None:
    getattr(StrategyContract(), promise)(settings)


BROKEN = [
    ("test_suggests_legal_points", Lawless),
    ("test_suggests_as_many_as_asked", Stingy),
    ("test_same_seed_gives_same_suggestions", Moody),
    ("test_only_suggest_draws_random_numbers", Gambler),
    ("test_dumping_the_state_changes_nothing", Disturbed),
    ("test_restored_strategy_continues_bit_identically_at_any_moment", Forgetful),
    ("test_restored_strategy_continues_bit_identically_at_any_moment", Unwritable),
    ("test_observations_one_by_one_or_together_are_the_same", Batchy),
    ("test_observations_of_points_never_suggested_are_welcome", Fragile),
    ("test_goes_on_when_nothing_is_feasible", Haggler),
    ("test_infinite_numbers_are_welcome", Fragile),
]


@pytest.mark.parametrize(("promise", "kind"), BROKEN)
def test_broken_promise_is_noticed(promise, kind):
    check(promise, Settings(Honest))
    with pytest.raises((AssertionError, ValueError)):
        check(promise, Settings(kind))

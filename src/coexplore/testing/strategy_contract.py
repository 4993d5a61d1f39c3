"""Does a strategy keep its promises? A suite to inherit, and the toy study it runs.

```python
class TestMine(StrategyContract):
    @pytest.fixture
    def settings(self) -> StrategySettings:
        return Mine(population=8)
```
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Point, Space
from coexplore.strategies.strategy import Observation, Stage, Strategy, StrategySettings, Suggestion

MIXED = Space(
    (
        Decision("kernel", (1, 3, 5, 7), ordered=True),
        Decision("kind", ("plain", "branched", "none")),
        Decision("branches", (2, 3), ordered=True, condition=Condition("kind", ("branched",))),
        Decision("join", ("add", "concatenate"), condition=Condition("branches", (3,))),
        Decision("bias", (False, True)),
        Decision("width", (0.5, 1.0, 1.5), ordered=True, condition=Condition("kind", ("plain", "branched"))),
        Decision("arrays", (1, 2, 4), ordered=True),
    )
)
"""Ordered, named, true-or-false and nested conditional decisions: 312 points."""
PATIENCE = 20
"""Runs after which something is trained, also by strategies that look at many networks first."""
THREE_POINTS = Space((Decision("only", ("a", "b", "c")),))
ONE_POINT = Space((Decision("fixed", (4,)),))
NO_DECISION = Space(())


@dataclass(frozen=True, slots=True)
class ToyProblem:
    """Losses and constraint that any point of any space has."""

    space: Space
    objectives: int = 2
    limit: float = 1.0
    """Points of more load than this are infeasible; the load is the mean of index + 1 over number of values."""

    def answer(self, point: Point, stage: Stage) -> Observation:
        """The observation of a study that gates infeasible points and knows all losses but the first by their price."""
        loads = [(index + 1) / size for index, size in zip(self.space.indices(point), self.space.sizes, strict=True)]
        load = sum(loads) / max(len(loads), 1)
        violation = max(0.0, load / self.limit - 1.0)
        targets = np.linspace(0.0, 1.0, self.objectives)
        losses = [float(np.mean([(x - target) ** 2 for x in (*loads, 0.5)])) for target in targets]
        if violation > 0:
            return Observation(point, Stage.PRICE, (math.inf, *losses[1:]), violation, False, -violation)
        if stage is Stage.PRICE:
            return Observation(point, stage, (math.inf, *losses[1:]), 0.0, True, 0.0)
        return Observation(point, stage, tuple(losses), 0.0, True, 1.0 - sum(losses) / len(losses))


@dataclass(slots=True)
class ToyStudy:
    """Runs a strategy in the order of a real study: prices are answered at once, trainings `width` trials later."""

    strategy: Strategy
    problem: ToyProblem
    width: int = 4
    training: list[Point] = field(default_factory=list)
    """Points whose observation is still to come."""
    trained: list[Observation] = field(default_factory=list)
    """What came back from `Stage.TRAIN`, in order."""

    def run(self, suggestions: int) -> list[Suggestion]:
        """Ask for that many suggestions one by one; the list is shorter when the strategy ends."""
        asked: list[Suggestion] = []
        while len(asked) < suggestions:
            while len(self.training) >= self.width:
                self.settle_oldest()
            suggested = self.strategy.suggest(1)
            if not suggested:
                break
            asked += suggested
            if suggested[0].stage is Stage.PRICE:
                self.strategy.observe([self.problem.answer(suggested[0].point, Stage.PRICE)])
            else:
                self.training.append(suggested[0].point)
        return asked

    def settle_oldest(self) -> None:
        """Observe the oldest training."""
        observation = self.problem.answer(self.training.pop(0), Stage.TRAIN)
        self.trained.append(observation)
        self.strategy.observe([observation])


class StrategyContract:
    """The promises of `Strategy`, one test each. Inherit, and provide a fixture `settings`."""

    def test_suggests_legal_points(self, settings: StrategySettings) -> None:
        """Every suggestion is a point of the space, whatever was observed."""
        for suggestion in _study(settings, limit=0.6).run(80):
            assert suggestion.point in MIXED

    def test_suggests_as_many_as_asked(self, settings: StrategySettings) -> None:
        """A space with enough points gives exactly `n` suggestions."""
        strategy = _start(settings)
        assert [len(strategy.suggest(n)) for n in (0, 1, 5, 2)] == [0, 1, 5, 2]

    def test_same_seed_gives_same_suggestions(self, settings: StrategySettings) -> None:
        """Nothing but the seed and the observations decides."""
        assert _study(settings, seed=3).run(60) == _study(settings, seed=3).run(60)

    def test_only_suggest_draws_random_numbers(self, settings: StrategySettings) -> None:
        """Observing and dumping leave the generator alone."""
        rng = np.random.default_rng(0)
        study = ToyStudy(settings.start(MIXED, rng, 2), ToyProblem(MIXED, limit=0.6))
        study.run(40)
        before = repr(rng.bit_generator.state)
        while study.training:
            study.settle_oldest()
        study.strategy.state()
        assert repr(rng.bit_generator.state) == before

    def test_dumping_the_state_changes_nothing(self, settings: StrategySettings) -> None:
        """A study that writes checkpoints finds the same points."""
        plain, dumping = _study(settings), _study(settings)
        for _ in range(40):
            dumping.strategy.state()
            assert dumping.run(1) == plain.run(1)

    def test_restored_strategy_continues_bit_identically_at_any_moment(self, settings: StrategySettings) -> None:
        """A state goes through strict JSON into a strategy of another seed, which then does the same for ever."""
        study = _study(settings, limit=0.7)
        for _ in range(12):
            study.run(5)
            text = json.dumps(study.strategy.state(), allow_nan=False)
            resumed = _study(settings, seed=99, limit=0.7)
            resumed.strategy.restore(json.loads(text))
            resumed.training = list(study.training)
            assert json.dumps(resumed.strategy.state()) == text
            assert resumed.run(4) == study.run(4)
            assert json.dumps(resumed.strategy.state()) == json.dumps(study.strategy.state())

    def test_observations_one_by_one_or_together_are_the_same(self, settings: StrategySettings) -> None:
        """Only their order counts."""
        single, together = _start(settings), _start(settings)
        points = [suggestion.point for suggestion in single.suggest(12)]
        together.suggest(12)
        answers = [ToyProblem(MIXED, limit=0.6).answer(point, Stage.TRAIN) for point in points]
        for answer in answers:
            single.observe([answer])
        together.observe(answers)
        together.observe([])
        assert single.suggest(5) == together.suggest(5)

    def test_late_observations_are_welcome(self, settings: StrategySettings) -> None:
        """Any width gives a search, also one so large that nothing is observed before the end."""
        for width in (1, 4, 1000):
            study = ToyStudy(_start(settings), ToyProblem(MIXED), width)
            assert len(study.run(50)) == 50

    def test_observations_of_points_never_suggested_are_welcome(self, settings: StrategySettings) -> None:
        """A study may tell of its baseline; and a price, feasible or not, may come unasked."""
        study = _study(settings, limit=0.6)
        for stage in (Stage.PRICE, Stage.TRAIN):
            points = MIXED.sample(np.random.default_rng(1), 10)
            study.strategy.observe([study.problem.answer(point, stage) for point in points])
            _assert_legal(study.run(20), MIXED)

    def test_the_same_observation_twice_is_welcome(self, settings: StrategySettings) -> None:
        """A cached evaluation may answer again."""
        study = _study(settings, limit=0.6)
        study.run(20)
        study.strategy.observe(study.trained * 2)
        _assert_legal(study.run(20), MIXED)

    def test_goes_on_when_nothing_is_feasible(self, settings: StrategySettings) -> None:
        """Infeasible is a result, and a study of nothing else still has points trained, so that it ends."""
        study = _study(settings, limit=0.01)
        trained = 0
        for _ in range(PATIENCE):
            asked = study.run(200)
            _assert_legal(asked, MIXED)
            trained += sum(suggestion.stage is Stage.TRAIN for suggestion in asked)
            if trained > 1:
                break
        assert trained > 1

    def test_infinite_numbers_are_welcome(self, settings: StrategySettings) -> None:
        """A failed evaluation knows no loss, no distance, and may be rewarded as badly as can be."""
        study = _study(settings)
        for suggestion in study.run(30):
            failed = Observation(suggestion.point, Stage.TRAIN, (math.inf, math.inf), math.inf, False, -math.inf)
            study.strategy.observe([failed])
        _assert_legal(study.run(30), MIXED)
        json.dumps(study.strategy.state(), allow_nan=False)

    def test_spaces_of_one_point_work(self, settings: StrategySettings) -> None:
        """With one value or without any decision, that point is suggested and observed."""
        for space in (ONE_POINT, NO_DECISION):
            study = ToyStudy(settings.start(space, np.random.default_rng(0), 2), ToyProblem(space, limit=2.0), width=1)
            asked = study.run(8)
            _assert_legal(asked, space)
            assert asked
            resumed = settings.start(space, np.random.default_rng(1), 2)
            resumed.restore(json.loads(json.dumps(study.strategy.state(), allow_nan=False)))
            assert resumed.suggest(2) == study.strategy.suggest(2)

    def test_more_suggestions_than_points_work(self, settings: StrategySettings) -> None:
        """Ten from a space of three: repeats, or fewer once every point was suggested."""
        strategy = settings.start(THREE_POINTS, np.random.default_rng(0), 2)
        asked = strategy.suggest(10)
        _assert_legal(asked, THREE_POINTS)
        assert len(asked) == 10 or len({suggestion.point for suggestion in asked}) == 3
        _assert_legal(ToyStudy(strategy, ToyProblem(THREE_POINTS, limit=0.7)).run(30), THREE_POINTS)

    def test_any_number_of_objectives_works(self, settings: StrategySettings) -> None:
        """One or many."""
        for objectives in (1, 3):
            strategy = settings.start(MIXED, np.random.default_rng(0), objectives)
            _assert_legal(ToyStudy(strategy, ToyProblem(MIXED, objectives)).run(60), MIXED)


def _start(settings: StrategySettings, seed: int = 0) -> Strategy:
    return settings.start(MIXED, np.random.default_rng(seed), 2)


def _study(settings: StrategySettings, seed: int = 0, limit: float = 1.0) -> ToyStudy:
    return ToyStudy(_start(settings, seed), ToyProblem(MIXED, limit=limit))


def _assert_legal(suggestions: Sequence[Suggestion], space: Space) -> None:
    assert all(suggestion.point in space for suggestion in suggestions)

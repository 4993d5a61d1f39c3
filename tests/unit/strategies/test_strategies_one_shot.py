from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from coexplore.core.errors import ConfigError
from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Space
from coexplore.strategies.one_shot import Categoricals, OneShot
from coexplore.strategies.settings import make_settings
from coexplore.strategies.strategy import Observation, SearchByLooks, Stage, StrategySettings
from coexplore.testing.strategy_contract import MIXED, StrategyContract

SPACE = Space(
    (
        Decision("network.kernel0", (3, 5, 7), ordered=True),
        Decision("network.width0", (8, 16), ordered=True),
        Decision("accelerator.pes_x", (1, 2, 4, 8), ordered=True),
    )
)
CONDITIONAL = Space(
    (
        Decision("kind", ("plain", "deep")),
        Decision("depth", (1, 2, 3), ordered=True, condition=Condition("kind", ("deep",))),
    )
)


class TestOneShot(StrategyContract):
    @pytest.fixture
    def settings(self) -> StrategySettings:
        return OneShot(steps=30, learning_rate=0.1)


class TestOneShotThatOnlyLooks(StrategyContract):
    @pytest.fixture
    def settings(self) -> StrategySettings:
        return OneShot(steps=130, learning_rate=0.1, entropy=0.01)

    def test_goes_on_when_nothing_is_feasible(self, settings):
        """The looks come first, however many there are."""
        strategy = settings.start(MIXED, np.random.default_rng(0), 1)
        stages = [suggestion.stage for suggestion in strategy.suggest(200)]
        assert stages == [Stage.LOOK] * 130 + [Stage.TRAIN] * 70


def look(point, reward):
    return Observation(point, Stage.LOOK, (-reward,), 0.0, True, reward)


def searched(settings, reward_of, seed=0, space=SPACE):
    strategy = settings.start(space, np.random.default_rng(seed), 1)
    for _ in range(settings.steps):
        (asked,) = strategy.suggest(1)
        assert asked.stage is Stage.LOOK
        strategy.observe([look(asked.point, reward_of(asked.point))])
    return strategy


def test_defaults_are_those_of_the_published_code():
    settings = OneShot()
    assert settings.learning_rate == pytest.approx(3e-4 * 4096 / 256)
    assert (settings.delay, settings.growth, settings.baseline_decay, settings.entropy) == (0.25, 10.0, 0.95, 0.0)
    assert settings.operator_warmup == settings.filter_warmup == 0.25
    assert isinstance(settings, SearchByLooks)
    assert settings.looks == settings.steps


def test_the_learning_rate_is_zero_then_grows_tenfold():
    settings = OneShot(steps=1000, learning_rate=0.01)
    rates = [settings.rate(step) for step in range(1001)]
    assert rates[:250] == [0.0] * 250
    assert rates[250] == pytest.approx(0.01)
    assert rates[625] == pytest.approx(0.01 * math.sqrt(10))
    assert rates[999] == pytest.approx(0.1, rel=0.01)
    ratios = {round(after / before, 9) for before, after in itertools.pairwise(rates[250:1000])}
    assert len(ratios) == 1
    assert rates[1000] == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_the_arg_max_of_a_separable_reward_is_found(seed):
    def reward(point):
        return 0.5 + 0.2 * (point["network.kernel0"] == 5) + 0.2 * (point["accelerator.pes_x"] == 2)

    strategy = searched(OneShot(steps=600, learning_rate=0.03), reward, seed)
    (best,) = strategy.suggest(1)
    assert best.stage is Stage.TRAIN
    assert (best.point["network.kernel0"], best.point["accelerator.pes_x"]) == (5, 2)


def test_the_policy_does_not_move_before_the_delay_is_over():
    settings = OneShot(steps=100, learning_rate=0.1, delay=0.5)
    strategy = settings.start(SPACE, np.random.default_rng(0), 1)
    for step in range(100):
        (asked,) = strategy.suggest(1)
        before = strategy.state()["logits"]
        strategy.observe([look(asked.point, float(step % 3))])
        assert (strategy.state()["logits"] == before) == (step < 50)


def test_warm_up_begins_with_the_largest_networks_and_leaves_the_accelerator_alone():
    settings = OneShot(steps=4000)
    strategy = settings.start(SPACE, np.random.default_rng(0), 1)
    drawn = [suggestion.point for suggestion in strategy.suggest(2000)]
    shares = [
        np.mean([point[name] == largest for point in drawn[:100]])
        for name, largest in (("network.kernel0", 7), ("network.width0", 16), ("accelerator.pes_x", 8))
    ]
    assert shares[0] > 0.9
    assert shares[1] > 0.9
    assert shares[2] < 0.5
    late = np.mean([point["network.kernel0"] == 7 for point in drawn[1000:]])
    assert late == pytest.approx(1 / 3, abs=0.05)
    half = np.mean([point["network.kernel0"] == 7 for point in drawn[400:600]])
    assert half == pytest.approx(1 / 2 + 1 / 6, abs=0.1)


def test_operators_and_filters_warm_up_on_their_own():
    strategy = OneShot(steps=4000, filter_warmup=0.0).start(SPACE, np.random.default_rng(0), 1)
    drawn = [suggestion.point for suggestion in strategy.suggest(100)]
    assert np.mean([point["network.kernel0"] == 7 for point in drawn]) > 0.9
    assert np.mean([point["network.width0"] == 16 for point in drawn]) == pytest.approx(0.5, abs=0.15)


def test_the_baseline_has_heard_of_a_reward_before_it_is_compared():
    settings = OneShot(steps=10, delay=0.0, operator_warmup=0.0, filter_warmup=0.0)
    strategy = settings.start(SPACE, np.random.default_rng(0), 1)
    (point,) = SPACE.sample(np.random.default_rng(0), 1)
    strategy.observe([look(point, 0.5)])
    assert strategy.state()["baseline"] == 0.5
    strategy.observe([look(point, 1.0)])
    assert strategy.state()["baseline"] == pytest.approx(0.95 * 0.5 + 0.05)


def test_trials_are_the_most_likely_points_once_each():
    strategy = searched(OneShot(steps=200, learning_rate=0.1), lambda point: float(point["network.kernel0"] == 3))
    found = [suggestion.point for suggestion in strategy.suggest(100)]
    assert len(found) == SPACE.size == len(set(found))
    assert found[0]["network.kernel0"] == 3
    assert strategy.suggest(1) == []


def test_finalists_teach_the_policy_nothing():
    strategy = searched(OneShot(steps=100, learning_rate=0.1), lambda point: float(point["network.kernel0"] == 3))
    (best,) = strategy.suggest(1)
    before = strategy.state()
    strategy.observe([Observation(best.point, Stage.TRAIN, (0.0,), 0.0, True, -5.0)])
    assert strategy.state() == before


@pytest.mark.parametrize("space", [SPACE, CONDITIONAL])
def test_most_likely_points_come_in_order_of_their_probability(space):
    policy = Categoricals(space)
    policy.logits[:] = np.random.default_rng(3).normal(size=len(policy.logits))

    def probability(point):
        pairs = zip(space.indices(point), policy.probabilities(), strict=True)
        return math.prod(float(p[index]) if index >= 0 else float(p.max()) for index, p in pairs)

    found = list(policy.most_likely())
    assert len(found) == len(set(found)) == space.size
    chances = [probability(point) for point in found]
    assert chances == sorted(chances, reverse=True)


def test_gradients_are_those_of_finite_differences():
    policy, row = Categoricals(SPACE), [1, 0, 3]
    policy.logits[:] = np.random.default_rng(3).normal(size=len(policy.logits))

    def log_probability():
        return sum(math.log(p[index]) for index, p in zip(row, policy.probabilities(), strict=True))

    def entropy():
        return -sum(float(p @ np.log(p)) for p in policy.probabilities())

    for value, slope in ((log_probability, policy.slope(row)), (entropy, policy.spread(row))):
        for position in range(len(policy.logits)):
            ends = []
            for step in (1e-5, -2e-5):
                policy.logits[position] += step
                ends.append(value())
            policy.logits[position] += 1e-5
            assert slope[position] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)


def test_inactive_decisions_have_no_gradient():
    policy = Categoricals(CONDITIONAL)
    assert not policy.slope([0, -1])[2:].any()
    assert policy.slope([1, 0])[2:].any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "strategy.steps: is 0; give a whole number"),
        ({"filter_warmup": 0.5}, "strategy.filter_warmup: is 0.5, beyond the delay of 0.25"),
        ({"operators": "kernel"}, "strategy.operators: is 'kernel'; give a list of names"),
        ({"growth": 0}, "strategy.growth: is 0"),
    ],
)
def test_illegal_settings_are_refused_by_path(settings, message):
    with pytest.raises(ConfigError, match=message):
        make_settings("one-shot", settings)

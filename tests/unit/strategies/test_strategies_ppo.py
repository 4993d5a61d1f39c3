"""PPO learns what pays, no faster than the clip allows; its slopes are those of the published objective."""

from __future__ import annotations

import numpy as np
import pytest

from coexplore.core.errors import ConfigError
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Space
from coexplore.strategies.ppo import Ppo, clipped_pulls
from coexplore.strategies.recurrent_policy import RecurrentPolicy
from coexplore.strategies.strategy import Observation, Stage

SPACE = Space(tuple(Decision(f"d{index}", (0, 1, 2)) for index in range(4)))


def surrogate(log_ratios, advantages, clip):
    ratios = np.exp(log_ratios)
    return np.minimum(ratios * advantages[:, None], np.clip(ratios, 1 - clip, 1 + clip) * advantages[:, None])


def test_pulls_are_the_slopes_of_the_clipped_objective():
    rng = np.random.default_rng(0)
    log_ratios, advantages, step = rng.normal(0, 0.4, (200, 3)), rng.normal(0, 1, 200), 1e-6
    numeric = (surrogate(log_ratios + step, advantages, 0.2) - surrogate(log_ratios - step, advantages, 0.2)) / 2 / step
    off_the_edge = np.abs(np.abs(np.exp(log_ratios) - 1) - 0.2) > 1e-4
    assert np.allclose(clipped_pulls(log_ratios, advantages, 0.2)[off_the_edge], numeric[off_the_edge], atol=1e-6)


def run(settings, reward, steps, seed=0):
    strategy = settings.start(SPACE, np.random.default_rng(seed), 1)
    rewards = []
    for _ in range(steps):
        point = strategy.suggest(1)[0].point
        rewards.append(reward(point))
        strategy.observe([Observation(point, Stage.TRAIN, (-rewards[-1],), 0.0, True, rewards[-1])])
    return strategy, rewards


def test_it_learns_what_pays():
    _, rewards = run(Ppo(), lambda point: sum(value == 2 for value in point.values()) / 4, 600)
    assert np.mean(rewards[:50]) < 0.5 < 0.9 < np.mean(rewards[-50:])


def test_more_epochs_learn_more_from_the_same_rewards():
    def likelier(epochs):
        strategy, _ = run(Ppo(epochs=epochs, batch=8), lambda point: float(point["d0"] == 1), 80)
        return np.mean([strategy.suggest(1)[0].point["d0"] == 1 for _ in range(200)])

    assert likelier(8) > likelier(1)


def test_a_clip_bounds_what_one_batch_changes():
    def moved(clip):
        settings = Ppo(batch=4, epochs=30, clip=clip, entropy=0.0, learning_rate=0.02)
        strategy = settings.start(SPACE, np.random.default_rng(1), 1)
        points = [strategy.suggest(1)[0].point for _ in range(8)]
        rows = np.array([SPACE.indices(point) for point in points])
        for number, point in enumerate(points[:4]):
            strategy.observe([Observation(point, Stage.TRAIN, (0.0,), 0.0, True, float(number))])
        before = strategy._policy.choice_log_chances(rows)
        for number, point in enumerate(points[4:]):
            strategy.observe([Observation(point, Stage.TRAIN, (0.0,), 0.0, True, float(number))])
        return np.abs(strategy._policy.choice_log_chances(rows) - before).max()

    assert moved(0.05) < moved(10.0)


def test_log_chances_of_choices_add_up_to_those_of_points():
    policy = RecurrentPolicy(SPACE, 6, 4, np.random.default_rng(2))
    rows = np.array([[0, 1, 2, 0], [2, 2, 1, 1]])
    assert policy.choice_log_chances(rows).shape == rows.shape
    assert np.allclose(policy.choice_log_chances(rows).sum(axis=1), policy.log_chances(rows))


@pytest.mark.parametrize("wrong", [{"clip": 0.0}, {"epochs": 0}, {"batch": 1.5}, {"entropy": -1.0}], ids=str)
def test_wrong_settings_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Ppo(**wrong)

from __future__ import annotations

import json

import numpy as np
import optuna
import pytest

from coexplore.core.errors import StudyError
from coexplore.objectives.pareto import hypervolume
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Space
from coexplore.strategies.nsga2 import Nsga2
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.strategy import Observation, Stage
from coexplore.testing.strategy_contract import MIXED, ToyProblem, ToyStudy

WIDE = Space(tuple(Decision(f"x{i}", tuple(range(5)), ordered=i % 2 == 0) for i in range(12)))


def two_losses(point):
    """Zero and one pull one half of the decisions apart; the other half should be large."""
    values = np.array(list(point.values())) / 4
    waste = (1 - values[6:]).mean()
    return (values[:6].mean() ** 2 + waste, (1 - values[:6].mean()) ** 2 + waste)


def volume(settings, seed, trials=300):
    strategy = settings.start(WIDE, np.random.default_rng(seed), 2)
    losses = []
    for _ in range(trials):
        (suggestion,) = strategy.suggest(1)
        losses.append(two_losses(suggestion.point))
        strategy.observe([Observation(suggestion.point, Stage.TRAIN, losses[-1], 0.0, True, 0.0)])
    return hypervolume(np.array(losses), [2.0, 2.0])


@pytest.mark.parametrize("seed", range(2))
def test_front_dominates_more_than_that_of_random_search(seed):
    assert volume(Nsga2(population=20), seed) > volume(RandomSearch(), seed) + 0.3


def test_constraint_is_learnt():
    problem = ToyProblem(WIDE, limit=0.5)
    study = ToyStudy(Nsga2(population=10).start(WIDE, np.random.default_rng(0), 2), problem)
    study.run(150)
    feasible = [observation.feasible for observation in study.trained]
    assert np.mean(feasible[-50:]) > np.mean(feasible[:20]) + 0.4


def test_nothing_is_printed_and_the_log_level_is_left_alone(capfd):
    before = optuna.logging.get_verbosity()
    Nsga2().start(WIDE, np.random.default_rng(0), 2).suggest(3)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
    assert optuna.logging.get_verbosity() == before


def test_no_point_twice_before_the_space_is_exhausted():
    study = ToyStudy(Nsga2(population=6).start(MIXED, np.random.default_rng(0), 2), ToyProblem(MIXED))
    points = [suggestion.point for suggestion in study.run(MIXED.size)]
    assert len(set(points)) == MIXED.size


def test_genome_holds_the_decisions_that_the_point_leaves_out():
    population = Nsga2().start(MIXED, np.random.default_rng(0), 1)._population
    bred = [population._bred() for _ in range(20)]
    assert all(set(trial.params) == set(MIXED.names) for trial, _ in bred)
    assert any(len(point) < len(MIXED.names) for _, point in bred)


def test_only_the_seed_is_drawn_from_the_generator():
    rng = np.random.default_rng(0)
    strategy = Nsga2().start(WIDE, rng, 2)
    before = rng.bit_generator.state
    strategy.suggest(5)
    assert rng.bit_generator.state == before


def test_state_of_another_optuna_is_refused():
    strategy = Nsga2().start(WIDE, np.random.default_rng(0), 2)
    strategy.suggest(3)
    state = json.loads(json.dumps(strategy.state()))
    state["events"][1][0] = (state["events"][1][0] + 1) % 5
    with pytest.raises(StudyError, match="Optuna proposes other points"):
        Nsga2().start(WIDE, np.random.default_rng(0), 2).restore(state)

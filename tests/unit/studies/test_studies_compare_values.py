"""What a run has reached: the best so far by a metric, by the reward, by the volume of its front."""

from __future__ import annotations

import numpy as np
import pytest

from coexplore.core.errors import ConfigError
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Objective
from coexplore.objectives.pareto import hypervolume
from coexplore.objectives.reward import ObjectivesReward
from coexplore.spaces.space import Point
from coexplore.studies.compare_values import HYPERVOLUME, REFERENCE, REWARD, default_measure, make_measure, value_of
from coexplore.studies.trial import TrialRecord, TrialState

UP = Objective("accuracy", Direction.MAXIMIZE)
DOWN = Objective("latency_s", Direction.MINIMIZE)
BOTH = (UP, DOWN)


def trial(number, accuracy, latency_s, state=TrialState.COMPLETE):
    return TrialRecord(number, state, Point(()), {"accuracy": accuracy, "latency_s": latency_s})


RUN = [
    trial(0, 0.9, 3.0, TrialState.INFEASIBLE),
    trial(1, 0.5, 2.0),
    trial(2, 0.7, 4.0),
    trial(3, 0.99, 0.1, TrialState.FAILED),
    trial(4, 0.6, 1.0),
]


def measure(by, runs=(RUN,), objectives=BOTH):
    return make_measure(by, objectives, ObjectivesReward(BOTH, ()), runs)


def test_the_best_so_far_counts_complete_trials_only():
    assert measure("accuracy").trace(RUN).tolist() == [np.inf, -0.5, -0.7, -0.7, -0.7]
    assert measure("latency_s").trace(RUN).tolist() == [np.inf, 2.0, 2.0, 2.0, 1.0]


def test_a_metric_that_is_no_objective_has_its_usual_direction():
    only = measure("latency_s", objectives=(UP,))
    assert only.trace(RUN)[-1] == 1.0
    assert value_of("latency_s", (UP,), 1.0) == 1.0
    assert value_of("accuracy", (UP,), -0.7) == 0.7


def test_the_reward_is_that_of_the_study():
    reward = ObjectivesReward(BOTH, ())
    best = max(reward(t.metrics) for t in RUN if t.state is TrialState.COMPLETE)
    trace = measure(REWARD).trace(RUN)
    assert value_of(REWARD, BOTH, trace[-1]) == best
    assert trace[0] == np.inf


def test_the_volume_is_that_of_the_front_in_the_box_of_all_runs():
    other = [trial(0, 0.2, 8.0), trial(1, 0.8, 0.5)]
    volume = measure(HYPERVOLUME, runs=(RUN, other))
    rows = np.array([[-0.5, 2.0], [-0.7, 4.0], [-0.6, 1.0]])
    scaled = (rows - [-0.8, 0.5]) / [0.6, 7.5]
    whole = hypervolume(scaled, [REFERENCE, REFERENCE]) / REFERENCE**2
    trace = volume.trace(RUN)
    assert value_of(HYPERVOLUME, BOTH, trace[-1]) == pytest.approx(whole)
    assert trace[0] == np.inf
    assert (np.diff(trace[1:]) <= 0).all()


def test_runs_without_a_feasible_design_have_no_value():
    nothing = [trial(0, 0.9, 3.0, TrialState.INFEASIBLE)]
    for by in (HYPERVOLUME, REWARD, "accuracy"):
        assert measure(by, runs=(nothing,)).trace(nothing).tolist() == [np.inf]
    assert measure("accuracy").trace([]).tolist() == []


def test_equal_designs_fill_the_box_whole():
    same = [trial(0, 0.5, 1.0), trial(1, 0.5, 1.0)]
    assert measure(HYPERVOLUME, runs=(same,)).trace(same).tolist() == [-1.0, -1.0]


def test_one_objective_is_its_own_measure_and_several_are_a_volume():
    assert default_measure((DOWN,)) == "latency_s"
    assert default_measure(BOTH) == HYPERVOLUME


@pytest.mark.parametrize(("by", "message"), [("latency", "did you mean 'latency_s'"), ("area_mm2", "was not measured")])
def test_a_measure_that_no_run_has_is_refused(by, message):
    with pytest.raises(ConfigError, match=message):
        measure(by)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accuracy import supernet_training
from coexplore.accuracy.data import Digits
from coexplore.accuracy.supernet_training import Sharing
from coexplore.accuracy.training import Recipe
from coexplore.core.errors import ConfigError, DataError, StoreError, StudyError
from coexplore.design import DesignSpace
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.objectives.reward import AbsoluteReward
from coexplore.strategies.one_shot import OneShot, _OneShot
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.strategy import Stage
from coexplore.studies import driver
from coexplore.studies.config import load_config, parse_config, resolve
from coexplore.studies.driver import EventKind
from coexplore.studies.problem import AccuracySource, Problem, SharedSource
from coexplore.studies.shared_source import Looking, SharedAccuracy
from coexplore.studies.study import StudyState, run_problem
from coexplore.testing.evaluator_contract import AccuracySourceContract
from coexplore.testing.toy import ToyAccelerators, ToyPricer, toy_config
from coexplore.workloads.graph import Workload

FAMILY = InvertedBottleneck(
    stem=(8, 2),
    stages=((2, 8, 1, 1),),
    head=16,
    kernels=(3, 5),
    expansions=(1, 2),
    width_factors=(1.0, 2.0),
    depth_steps=(0, 1),
)
DIGITS = Digits(limit=120, validation_fraction=0.5)
RECIPE = Recipe(epochs=2, batch_size=20, learning_rate=0.02)
SHARING = Sharing(recalibration_images=40)
DESIGNS = DesignSpace(FAMILY, ToyAccelerators())
OBJECTIVES = (Objective("accuracy", Direction.MAXIMIZE), Objective("latency_s", Direction.MINIMIZE))


def shared(looks=0, recipe=RECIPE):
    source = SharedAccuracy(DIGITS, FAMILY, DESIGNS.network_space, recipe, SHARING, looks, "")
    return replace(source, identity=source.identity_of(DIGITS.load()))


def problem(strategy=None, constraints=(), seed=0):
    strategy = strategy or OneShot(steps=24, learning_rate=0.1)
    looks = strategy.looks if isinstance(strategy, OneShot) else 0
    reward = AbsoluteReward(1e-5)
    return Problem(DESIGNS, OBJECTIVES, constraints, reward, strategy, ToyPricer(), shared(looks), seed, width=2)


class TestSharedAccuracy(AccuracySourceContract):
    @pytest.fixture
    def source(self, tmp_path) -> AccuracySource:
        return shared().ready(tmp_path, lambda done, total: None)

    @pytest.fixture
    def workloads(self) -> Sequence[Workload]:
        return [FAMILY.lower(point) for point in FAMILY.space.sample(np.random.default_rng(0), 2)]


def told(result):
    return [(trial.point, trial.metrics, trial.state, trial.reason, trial.curve) for trial in result.trials]


class Killed(BaseException):
    """Stands for the end of a process, which nothing catches."""


def test_a_one_shot_study_looks_then_measures_the_most_likely(tmp_path):
    events = []
    result = run_problem(problem(), toy_config(3), tmp_path, 0, events.append)
    assert result.state is StudyState.FINISHED
    assert len({trial.point for trial in result.trials}) == 3
    assert all(trial.metrics["accuracy"] == trial.curve[0] for trial in result.trials)
    assert result.screened == 0
    assert all((tmp_path / "networks" / f"{trial.network}.npz").exists() for trial in result.trials)
    assert all(event.steps == (24, 24) for event in events if event.kind is EventKind.TRIAL)
    assert (tmp_path / "shared/step-24.pt").exists()


@pytest.mark.parametrize("kills", [(1,), (9, 17), (24,), (26,)])
def test_a_one_shot_study_that_is_killed_anywhere_ends_the_same(tmp_path, monkeypatch, kills):
    monkeypatch.setattr(driver, "SAVED_EVERY_S", 0.0)
    whole = run_problem(problem(), toy_config(3), tmp_path / "whole", 0)
    look, measure, calls = Looking.look, supernet_training.SharedTraining.evaluate, [0]

    def counted(original, *given):
        calls[0] += 1
        if calls[0] in kills:
            raise Killed
        return original(*given)

    monkeypatch.setattr(Looking, "look", lambda *given: counted(look, *given))
    monkeypatch.setattr(supernet_training.SharedTraining, "evaluate", lambda *given: counted(measure, *given))
    for _ in kills:
        with pytest.raises(Killed):
            run_problem(problem(), toy_config(3), tmp_path / "killed", 0)
    again = run_problem(problem(), toy_config(3), tmp_path / "killed", 0)
    assert told(again) == told(whole)
    ends = [np.load(tmp_path / name / "networks" / f"{whole.trials[0].network}.npz") for name in ("whole", "killed")]
    for name in ends[0].files:
        np.testing.assert_array_equal(ends[0][name], ends[1][name])


def test_the_same_seed_gives_the_same_study_and_another_seed_another(tmp_path):
    results = [run_problem(problem(seed=seed), toy_config(4), tmp_path / str(n), 0) for n, seed in enumerate((0, 0, 1))]
    assert told(results[0]) == told(results[1])
    assert told(results[0]) != told(results[2])


def test_designs_that_break_a_constraint_are_not_looked_at(tmp_path, monkeypatch):
    looked = []
    look = Looking.look
    monkeypatch.setattr(Looking, "look", lambda self, workload: looked.append(workload) or look(self, workload))
    capped = problem(constraints=(Constraint("area_mm2", at_most=2.0),))
    result = run_problem(capped, toy_config(2), tmp_path, 0)
    assert 0 < len(looked) < 24
    assert (tmp_path / "shared/step-24.pt").exists()
    assert len(result.trials) == 2


def test_a_bound_on_accuracy_is_not_held_against_looks(tmp_path, monkeypatch):
    observed = []
    observe = _OneShot.observe
    monkeypatch.setattr(_OneShot, "observe", lambda self, new: observed.extend(new) or observe(self, new))
    bounded = problem(constraints=(Constraint("accuracy", at_least=0.999),))
    result = run_problem(bounded, toy_config(1), tmp_path, 0)
    assert all(look.feasible and look.stage is Stage.LOOK for look in observed)
    assert len(observed) == 24
    assert result.state is StudyState.INFEASIBLE


def test_weights_trained_before_a_search_serve_any_strategy(tmp_path):
    events = []
    study = problem(RandomSearch())
    result = run_problem(study, toy_config(4), tmp_path, 0, events.append)
    assert result.state is StudyState.FINISHED
    steps = [event.steps for event in events if event.kind is EventKind.SHARED]
    assert steps[0] == (0, 6)
    assert steps[-1] == (6, 6)
    again = run_problem(study, toy_config(5), tmp_path, 0)
    assert told(again)[:4] == told(result)


def test_looks_without_shared_weights_are_refused(tmp_path):
    study = replace(problem(), accuracy=shared())
    with pytest.raises(StudyError, match="looks at networks that share weights"):
        run_problem(study, toy_config(1), tmp_path, 0)


def test_more_looks_than_announced_are_refused(tmp_path):
    study = replace(problem(), accuracy=shared(looks=5))
    with pytest.raises(StudyError, match="more than the 5 looks it announced"):
        run_problem(study, toy_config(1), tmp_path, 0)


def test_other_data_than_the_study_began_with_are_refused(tmp_path):
    with pytest.raises(DataError, match="has changed since the study began"):
        replace(shared(), identity="0" * 64).ready(tmp_path, lambda done, total: None)


def test_lost_weights_are_missed_with_their_name(tmp_path):
    source = shared().ready(tmp_path, lambda done, total: None)
    (tmp_path / "step-6.pt").unlink()
    train = source.prepare()
    with pytest.raises(StoreError, match=r"step-6.pt does not exist"):
        train(FAMILY.lower(next(FAMILY.space.enumerate())), ())


def config(**fields):
    document = {
        "name": "shared",
        "task": {"dataset": "digits", "limit": 120},
        "network": {"family": "inverted-bottleneck"},
        "accelerator": {"family": "edge-array"},
        "objectives": [{"maximize": "accuracy"}, {"minimize": "latency_s"}],
        "strategy": {"name": "one-shot", "steps": 50},
        "reward": {"name": "absolute", "target": 1e-5},
        "training": {"supernet": {"sampling": "sandwich"}},
    }
    return parse_config({**document, **fields})


def test_a_study_file_becomes_a_study_on_shared_weights_and_back():
    resolved = resolve(config())
    source = resolved.problem.accuracy
    assert isinstance(source, SharedSource)
    assert isinstance(source, SharedAccuracy)
    assert source.looks == 50
    assert source.sharing.sampling == "sandwich"
    again = resolve(resolved.config)
    assert again.config == resolved.config
    assert again.problem.fingerprint == resolved.problem.fingerprint


def test_without_a_search_by_looks_the_epochs_of_the_recipe_count():
    resolved = resolve(config(strategy={"name": "evolution"}, training={"epochs": 7, "supernet": {}}))
    source = resolved.problem.accuracy
    assert isinstance(source, SharedAccuracy)
    assert (source.looks, source.recipe.epochs) == (0, 7)
    assert resolve(resolved.config).problem.fingerprint == resolved.problem.fingerprint


def test_only_networks_that_are_left_share_weights():
    network = {"family": "inverted-bottleneck", "freeze": {"depth0": 1}, "restrict": {"kernel1": [3]}}
    source = resolve(config(network=network)).problem.accuracy
    assert isinstance(source, SharedAccuracy)
    values = {decision.name: decision.values for decision in source.space.decisions}
    assert values["depth0"] == (1,)
    assert values["kernel1"] == (3,)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"training": {}}, "strategy.name: one-shot looks at networks that share weights; it needs"),
        ({"objectives": [{"minimize": "latency_s"}]}, "strategy.name: one-shot looks at networks that share weights"),
        ({"training": {"epochs": 3, "supernet": {}}}, "training.epochs: is not for a search that trains as it looks"),
        ({"training": {"supernet": {"path": 2}}}, "training.supernet.path: unknown setting of shared weights; did you"),
        ({"training": {"supernet": {"paths": 0}}}, "training.supernet.paths: is 0; give a whole number"),
        ({"training": {"supernet": {"sampling": "all"}}}, "training.supernet: .*sampling 'all'"),
    ],
)
def test_illegal_settings_are_refused_by_path(fields, message):
    with pytest.raises(ConfigError, match=message):
        resolve(config(**fields))


def test_the_example_is_a_legal_study():
    path = Path(__file__).resolve().parents[3] / "examples/nahas/one_shot.yaml"
    source = resolve(load_config(path)).problem.accuracy
    assert isinstance(source, SharedAccuracy)
    assert source.looks == 800


def test_the_area_target_may_be_that_of_the_baseline():
    family = EdgeArray()
    reward = {"name": "weighted-product-hard", "target": 1e-5, "area_target_mm2": "baseline"}
    resolved = resolve(config(reward=reward))
    expected = family.decode(family.presets["baseline"]).area_mm2
    assert resolved.problem.reward.area_target_mm2 == pytest.approx(expected)
    assert resolved.config.reward.settings["area_target_mm2"] == pytest.approx(expected)
    measured = {"accuracy": 0.8, "latency_s": 1e-5, "area_mm2": 2 * expected}
    assert resolved.problem.reward(measured) == pytest.approx(0.4)
    with pytest.raises(ConfigError, match=r"reward.area_target_mm2: must be a number, not 'smallest'"):
        resolve(config(reward={**reward, "area_target_mm2": "smallest"}))

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from coexplore.accuracy import supernet_training
from coexplore.accuracy.supernet import largest_points
from coexplore.accuracy.supernet_training import SharedTraining, Sharing, saved_steps
from coexplore.accuracy.training import Recipe
from coexplore.core.errors import ConfigError, EvaluationError, StoreError, StudyError, UnknownNameError
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.networks.torch_build import build_module, load_weights
from coexplore.workloads.weights import check_weights

FAMILY = InvertedBottleneck(
    input_shape=(1, 6, 6),
    classes=3,
    stem=(8, 1),
    stages=((2, 8, 1, 1),),
    head=16,
    kernels=(3, 5),
    expansions=(1, 2),
    width_factors=(1.0, 2.0),
    depth_steps=(0, 1),
)
RECIPE = Recipe(epochs=4, batch_size=18, learning_rate=0.02)
SHARING = Sharing(recalibration_images=36)


@pytest.fixture
def make(corners):
    def new(recipe=RECIPE, sharing=SHARING, steps=None):
        return SharedTraining(FAMILY, FAMILY.space, corners, recipe, sharing, steps)

    return new


def arrays(training):
    return {name: array.detach().clone() for name, array in training.supernet.arrays.items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert torch.equal(array, second[name]), name


class Killed(Exception):  # noqa: N818 - stands for the end of a process
    pass


def test_training_helps_networks_that_were_hardly_ever_drawn(make, tmp_path):
    training = make(replace(RECIPE, epochs=20))
    workloads = [FAMILY.lower(point) for point in list(FAMILY.space.enumerate())[::3]]
    before = np.mean([training.evaluate(workload)[0] for workload in workloads])
    training.learn_all(tmp_path)
    after = [training.evaluate(workload)[0] for workload in workloads]
    assert np.mean(after) > max(before, 1 / 3) + 0.2
    assert training.step == training.steps == 100
    assert training.seconds > 0


def test_the_same_seed_gives_the_same_weights_to_the_last_bit(make, tmp_path):
    found = []
    for number, seed in enumerate((0, 0, 1)):
        training = make(replace(RECIPE, seed=seed))
        training.learn_all(tmp_path / str(number))
        found.append(arrays(training))
    assert_same(found[0], found[1])
    assert not torch.equal(found[0]["fc.weight"], found[2]["fc.weight"])


@pytest.mark.parametrize("sampling", ["uniform", "sandwich"])
@pytest.mark.parametrize("kills", [(1,), (7,), (3, 4, 19)])
def test_killed_anywhere_and_begun_again_the_weights_are_the_same(make, tmp_path, monkeypatch, sampling, kills):
    monkeypatch.setattr(supernet_training, "SAVED_EVERY_S", 0.0)
    sharing = replace(SHARING, sampling=sampling)
    whole = make(sharing=sharing)
    whole.learn_all(tmp_path / "whole")

    for kill in kills:

        def stop(done, total, kill=kill):
            if done == kill:
                raise Killed

        with pytest.raises(Killed):
            make(sharing=sharing).learn_all(tmp_path / "killed", stop)
    again, told = make(sharing=sharing), []
    again.learn_all(tmp_path / "killed", lambda done, total: told.append((done, total)))
    assert told[0] == (kills[-1] - 1, 20)
    assert told[-1] == (20, 20)
    assert_same(arrays(again), arrays(whole))
    again.learn_all(tmp_path / "killed")
    assert_same(arrays(again), arrays(whole))


def test_looks_go_on_from_the_step_that_is_asked_for(make, tmp_path):
    workloads = [FAMILY.lower(point) for point in FAMILY.space.sample(np.random.default_rng(0), 12)]
    whole = make(steps=12)
    seen = [whole.look(workload) for workload in workloads]
    first = make(steps=12)
    for step, workload in enumerate(workloads):
        if step in (4, 6, 9):
            first.save(tmp_path)
        first.look(workload)
    assert saved_steps(tmp_path) == [6, 9]
    again = make(steps=12)
    again.resume(tmp_path, 6)
    assert saved_steps(tmp_path) == [6]
    assert [again.look(workload) for workload in workloads[6:]] == seen[6:]
    assert_same(arrays(again), arrays(whole))
    again.resume(tmp_path, 0)
    assert saved_steps(tmp_path) == []


def test_a_look_learns_one_step_and_is_a_share_of_the_images_held_out(make):
    training = make(sharing=replace(SHARING, held_out_batches=2), steps=10)
    before = arrays(training)
    workload = FAMILY.lower(largest_points(FAMILY.space)[0])
    accuracy = training.look(workload)
    assert training.step == 1
    assert not torch.equal(before["fc.weight"], training.supernet.arrays["fc.weight"])
    assert accuracy * 36 == pytest.approx(round(accuracy * 36))
    training.skip()
    assert training.step == 2


def test_measuring_changes_nothing(make):
    training, workload = make(), FAMILY.lower(largest_points(FAMILY.space)[0])
    before = arrays(training)
    first = training.evaluate(workload)
    second = training.evaluate(workload)
    assert first[0] == second[0]
    for name, array in first[1].items():
        np.testing.assert_array_equal(array, second[1][name])
    assert_same(before, arrays(training))


def test_the_weights_of_a_measured_network_give_that_accuracy(make, corners, tmp_path):
    training = make()
    training.learn_all(tmp_path)
    for point in FAMILY.space.sample(np.random.default_rng(1), 3):
        workload = FAMILY.lower(point)
        value, weights = training.evaluate(workload)
        check_weights(workload, weights)
        module = build_module(workload)
        load_weights(module, weights)
        with torch.no_grad():
            answers = module.eval()(torch.tensor(corners.x_validation)).argmax(1).numpy()
        assert value == pytest.approx(np.mean(answers == corners.y_validation), abs=0.02)


def test_a_training_that_diverges_says_which_setting_to_change(make, tmp_path):
    with pytest.raises(StudyError, match=r"diverged in step \d+ of 20; lower training.learning_rate"):
        make(replace(RECIPE, learning_rate=1e30)).learn_all(tmp_path)


def test_a_file_that_executes_something_is_refused_and_executes_nothing(make, tmp_path):
    class Malicious:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    (tmp_path / "step-5.pt").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(StoreError, match=r"step-5.pt is damaged"):
        make().learn_all(tmp_path)
    torch.save({"step": Malicious()}, tmp_path / "step-5.pt")
    with pytest.raises(StoreError, match=r"step-5.pt is damaged"):
        make().learn_all(tmp_path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("kept", [0, 100, -1])
def test_a_truncated_file_is_refused(make, tmp_path, kept):
    training = make()
    training.learn([FAMILY.lower(largest_points(FAMILY.space)[0])])
    training.save(tmp_path)
    path = tmp_path / "step-1.pt"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(StoreError, match=r"step-1.pt is damaged"):
        make().resume(tmp_path)


def test_a_file_of_another_training_is_refused(make, tmp_path, corners):
    training = make()
    training.learn([FAMILY.lower(largest_points(FAMILY.space)[0])])
    training.save(tmp_path)
    with pytest.raises(StoreError, match="20 steps in place of 25"):
        make(replace(RECIPE, epochs=5)).resume(tmp_path)
    other = replace(FAMILY, head=24)
    with pytest.raises(StoreError, match=r"of another training .*'conv_head.weight'"):
        SharedTraining(other, other.space, corners, RECIPE, SHARING).resume(tmp_path)


def test_networks_that_do_not_fit_the_data_are_refused(corners):
    other = replace(FAMILY, classes=4)
    with pytest.raises(EvaluationError, match="it returns"):
        SharedTraining(other, other.space, corners, RECIPE, SHARING)


def test_illegal_settings_are_refused():
    with pytest.raises(UnknownNameError, match=r"sampling 'sandwhich'.*did you mean 'sandwich'"):
        Sharing(sampling="sandwhich")
    with pytest.raises(ConfigError, match=r"sharing.paths is 0"):
        Sharing(paths=0)

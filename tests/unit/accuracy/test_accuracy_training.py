"""Does training learn, give the same result twice, and say why where it cannot go on?"""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coexplore.accuracy import training
from coexplore.accuracy.data import Digits
from coexplore.accuracy.halving import Rung
from coexplore.accuracy.training import Recipe, train
from coexplore.core.errors import ConfigError, EvaluationError, MissingExtraError, WorkloadError
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.networks.torch_build import build_module
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import GlobalAveragePool, Linear, Reshape

QUICK = Recipe(epochs=4, batch_size=16)


def same(first: training.TrainingResult, second: training.TrainingResult) -> bool:
    """Equal to the last bit in curve and weights."""
    weights = [first.weights[name].tobytes() == second.weights[name].tobytes() for name in first.weights]
    return first.curve == second.curve and first.weights.keys() == second.weights.keys() and all(weights)


@pytest.fixture(scope="module")
def quick(corners, small_network):
    return train(small_network, corners, QUICK)


def test_a_network_learns(quick):
    assert len(quick.curve) == 4
    assert quick.curve[-1] > 0.8
    assert (quick.diverged, quick.reason) == (False, "")


def test_shuffled_labels_are_not_learned(corners, small_network):
    y = np.random.default_rng(0).permutation(corners.y_train)
    result = train(small_network, dataclasses.replace(corners, y_train=y), QUICK)
    assert result.curve[-1] < 0.6


def test_two_trainings_are_equal_to_the_last_bit_whatever_ran_between(corners, small_network, pooled_network, quick):
    torch.manual_seed(123)
    train(pooled_network, corners, Recipe(epochs=1, seed=5))
    torch.set_num_threads(2)
    assert same(train(small_network, corners, QUICK), quick)


def test_another_seed_gives_another_training(corners, small_network, quick):
    assert not same(train(small_network, corners, dataclasses.replace(QUICK, seed=1)), quick)


def test_the_seed_draws_the_initial_weights(corners, small_network):
    still = Recipe(epochs=1, learning_rate=0.0)
    first, second = (train(small_network, corners, dataclasses.replace(still, seed=seed)) for seed in (0, 1))
    assert not np.array_equal(first.weights["conv.weight"], second.weights["conv.weight"])


def test_the_seed_draws_the_order_of_the_images(corners, small_network, quick, monkeypatch):
    monkeypatch.setattr(training, "build_module", lambda workload, seed: build_module(workload, QUICK.seed))
    assert same(train(small_network, corners, QUICK), quick)
    assert not same(train(small_network, corners, dataclasses.replace(QUICK, seed=1)), quick)


def test_statistics_of_normalisation_are_gathered_in_every_epoch(corners, small_network, quick):
    first = train(small_network, corners, QUICK, (Rung(1, 1.0),))
    assert not np.array_equal(first.weights["norm.running_mean"], quick.weights["norm.running_mean"])


def test_the_cycle_spans_the_recipe(corners, small_network):
    recipes = (QUICK, dataclasses.replace(QUICK, epochs=8))
    short, long = (train(small_network, corners, recipe, (Rung(1, 1.0),)) for recipe in recipes)
    assert not np.array_equal(short.weights["conv.weight"], long.weights["conv.weight"])


def test_training_leaves_the_state_of_torch_alone(corners, small_network):
    torch.use_deterministic_algorithms(False)
    before = (torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
    train(small_network, corners, Recipe(epochs=1, threads=2))
    after = (torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


@given(stop=st.integers(1, 3))
def test_a_stopped_training_is_the_beginning_of_the_full_one(corners, small_network, quick, stop):
    stopped = train(small_network, corners, QUICK, (Rung(stop, 1.0),))
    assert stopped.curve == quick.curve[:stop]
    assert stopped.reason.startswith(f"stopped after {stop} epochs")


def test_a_rung_at_the_last_epoch_has_no_effect(corners, small_network, quick):
    assert same(train(small_network, corners, QUICK, (Rung(QUICK.epochs, 1.0),)), quick)


def test_the_weights_are_those_of_the_last_value_of_the_curve(corners, small_network, quick):
    swapped = dataclasses.replace(corners, x_test=corners.x_validation, y_test=corners.y_validation)
    assert training.test_accuracy(small_network, quick.weights, swapped) == quick.curve[-1]


def test_the_test_part_has_no_say_in_training(corners, small_network, quick):
    other = dataclasses.replace(corners, x_test=np.zeros_like(corners.x_test), y_test=np.zeros_like(corners.y_test))
    assert same(train(small_network, other, QUICK), quick)


def test_the_validation_part_has_no_say_in_the_weights(corners, small_network, quick):
    other = dataclasses.replace(corners, x_validation=np.zeros_like(corners.x_validation))
    weights = train(small_network, other, QUICK).weights
    assert all(np.array_equal(weights[name], quick.weights[name]) for name in weights)


def test_every_epoch_is_told_as_it_ends(corners, small_network, quick):
    told = []
    train(small_network, corners, QUICK, on_epoch=lambda epoch, accuracy: told.append((epoch, accuracy)))
    assert told == list(enumerate(quick.curve, start=1))


@pytest.mark.parametrize("rate", [1e20, 1e38])
def test_divergence_is_a_result_with_a_reason(corners, pooled_network, rate):
    result = train(pooled_network, corners, Recipe(epochs=3, learning_rate=rate, warmup_fraction=0))
    assert result.diverged
    assert "training diverged in epoch" in result.reason
    assert "lower recipe.learning_rate" in result.reason
    assert result.weights == {}


def test_images_are_resized_to_what_the_network_reads(corners, pooled_network):
    assert len(train(pooled_network, corners, Recipe(epochs=1)).curve) == 1


def test_fewer_images_than_a_batch_are_one_batch(corners, small_network):
    recipe = Recipe(epochs=2, batch_size=4096)
    assert len(train(small_network, corners, recipe).curve) == 2


def workload_of(shape: tuple[int, ...], classes: int) -> Workload:
    """Mean over the image and a linear layer."""
    ops = (
        GlobalAveragePool("pool", ("image",)),
        Reshape("flat", ("pool",), (1, shape[1])),
        Linear("fc", ("flat",), classes),
    )
    return Workload("odd", (("image", shape),), ops, ("fc",))


MISFITS = {
    "channels": (workload_of((1, 3, 6, 6), 3), "it reads 3 channels, the images have 1"),
    "classes": (workload_of((1, 1, 6, 6), 5), r"it returns \[\(1, 5\)\]; expected one output \(N, 3\)"),
    "no image": (Workload("odd", (("x", (1, 36)),), (Linear("fc", ("x",), 3),), ("fc",)), "expected one input"),
    "no weights": (
        Workload(
            "odd", (("x", (1, 3, 6, 6)),), (GlobalAveragePool("p", ("x",)), Reshape("flat", ("p",), (1, 3))), ("flat",)
        ),
        "it has no weights to train",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_network_that_does_not_fit_the_data_is_refused(corners, case):
    workload, message = MISFITS[case]
    if case == "no weights":
        x = {name: getattr(corners, name).repeat(3, axis=1) for name in ("x_train", "x_validation", "x_test")}
        corners = dataclasses.replace(corners, **x)
    with pytest.raises(EvaluationError, match=f"'odd' does not fit data set 'corners': .*{message}"):
        train(workload, corners, QUICK)


def test_weights_of_another_network_are_refused(corners, pooled_network, quick):
    with pytest.raises(WorkloadError, match="pooled"):
        training.test_accuracy(pooled_network, quick.weights, corners)


def test_weights_that_are_not_finite_are_refused(corners, small_network, quick):
    broken = {name: np.full_like(array, np.nan) for name, array in quick.weights.items()}
    with pytest.raises(EvaluationError, match="NaN or infinite"):
        training.test_accuracy(small_network, broken, corners)


def test_missing_torch_is_answered_with_the_extra_to_install(corners, small_network, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"coexplore\[train\]"):
        train(small_network, corners, QUICK)


@given(st.integers(1, 300), st.floats(0, 1))
def test_the_rate_rises_to_its_top_then_falls_to_zero(steps, warmup):
    recipe = Recipe(warmup_fraction=warmup, learning_rate=0.5)
    rates = [recipe.rate(step, steps) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert min(rates) >= 0
    assert max(rates) <= 0.5


def test_without_warmup_the_last_step_is_at_rate_zero():
    assert Recipe(warmup_fraction=0).rate(99, 100) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.5),
        ("batch_size", 1),
        ("learning_rate", -1.0),
        ("learning_rate", float("inf")),
        ("learning_rate", "fast"),
        ("warmup_fraction", 1.1),
        ("weight_decay", -0.1),
        ("label_smoothing", 2.0),
        ("seed", -1),
        ("threads", 0),
    ],
)
def test_an_illegal_setting_is_named(field, value):
    with pytest.raises(ConfigError, match=rf"^recipe\.{field} is "):
        Recipe(**{field: value})


@pytest.mark.slow
def test_the_smallest_network_of_the_default_family_reaches_97_percent_on_digits():
    family, dataset = InvertedBottleneck(), Digits().load()
    workload = family.lower(next(family.space.enumerate()))
    result = train(workload, dataset, Recipe())
    assert training.test_accuracy(workload, result.weights, dataset) >= 0.97

"""Does an old curve answer exactly as training again would?"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.accuracy.evaluator import Accuracy, TrainingEvaluator, accuracy_of, read_curve
from coexplore.accuracy.halving import Rung
from coexplore.accuracy.training import Recipe, train
from coexplore.core.errors import EvaluationError

EPOCHS = 5
RECIPE = Recipe(epochs=EPOCHS, batch_size=16, learning_rate=0.005)
RUNGS = st.lists(st.builds(Rung, st.integers(1, EPOCHS + 2), st.integers(0, 20).map(lambda n: n / 20)), max_size=4)


@pytest.fixture(scope="module")
def evaluator(corners):
    return TrainingEvaluator(corners, RECIPE)


@pytest.fixture(scope="module")
def full(evaluator, small_network):
    return evaluator.evaluate(small_network)


def paid_nothing(accuracy: Accuracy) -> Accuracy:
    return dataclasses.replace(accuracy, seconds=0.0)


def test_the_value_is_that_of_the_last_epoch_not_the_best():
    assert read_curve((0.1, 0.9, 0.5), (), epochs=3).value == 0.5


def test_a_training_says_what_the_evaluator_says(corners, small_network, full):
    assert paid_nothing(accuracy_of(train(small_network, corners, RECIPE))) == paid_nothing(full)


def test_a_full_training_pays_for_every_epoch(full):
    assert full.value == full.curve[-1]
    assert full.epochs == len(full.curve) == EPOCHS
    assert full.seconds > 0


@given(rungs=RUNGS)
def test_training_with_rungs_equals_reading_the_full_curve_with_them(evaluator, small_network, full, rungs):
    trained = evaluator.evaluate(small_network, rungs)
    assert read_curve(full.curve, rungs, EPOCHS) == paid_nothing(trained)


@given(first=RUNGS, second=RUNGS)
def test_a_partial_curve_answers_as_training_would_or_not_at_all(full, first, second):
    partial = read_curve(full.curve, first, EPOCHS)
    asked = read_curve(partial.curve, second, EPOCHS)
    assert asked in (None, read_curve(full.curve, second, EPOCHS))


@given(first=RUNGS)
def test_a_curve_always_answers_the_rungs_it_was_made_under(full, first):
    partial = read_curve(full.curve, first, EPOCHS)
    assert read_curve(partial.curve, first, EPOCHS) == partial


def test_a_curve_that_is_too_short_does_not_answer():
    assert read_curve((0.2, 0.4), (Rung(3, 0.9),), EPOCHS) is None


def test_an_empty_curve_does_not_answer():
    assert read_curve((), (), EPOCHS) is None


def test_a_curve_longer_than_the_recipe_is_refused():
    with pytest.raises(EvaluationError, match="a curve of 6 epochs cannot be from a recipe of 5"):
        read_curve((0.1,) * 6, (), EPOCHS)


def test_a_diverged_training_is_worth_nothing_and_says_why(corners, pooled_network):
    accuracy = TrainingEvaluator(corners, Recipe(learning_rate=1e20, warmup_fraction=0)).evaluate(pooled_network)
    assert (accuracy.value, accuracy.diverged) == (0.0, True)
    assert "training diverged" in accuracy.reason
    assert read_curve(accuracy.curve, (), 12, divergence=accuracy.reason) == paid_nothing(accuracy)


def test_a_rung_before_the_divergence_still_stops():
    accuracy = read_curve((0.2, 0.3), (Rung(1, 0.5),), EPOCHS, divergence="nan")
    assert (accuracy.diverged, accuracy.epochs) == (False, 1)


def test_equal_evaluators_have_one_identity(corners, evaluator):
    assert TrainingEvaluator(corners, dataclasses.replace(RECIPE)).identity == evaluator.identity


@pytest.mark.parametrize("change", [{"epochs": 6}, {"seed": 1}, {"learning_rate": 0.006}, {"threads": 2}])
def test_another_recipe_is_another_identity(corners, evaluator, change):
    assert TrainingEvaluator(corners, dataclasses.replace(RECIPE, **change)).identity != evaluator.identity


def test_other_data_are_another_identity(corners, evaluator):
    pixels = corners.x_train * 2
    assert TrainingEvaluator(dataclasses.replace(corners, x_train=pixels), RECIPE).identity != evaluator.identity

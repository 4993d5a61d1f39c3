"""Do the parts of a data set hold what they should, and nothing twice?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.accuracy.data import Digits
from coexplore.accuracy.pictures import ArrayPictures, resize, without
from coexplore.accuracy.splits import assemble, hold_out_test, stratified
from coexplore.core.errors import ConfigError, DataError

LABELS = st.lists(st.integers(0, 5), min_size=2, max_size=80).map(lambda y: np.array(y, dtype=np.int64))


def numbered(count: int, classes: int) -> ArrayPictures:
    """Pictures that carry their own number as their only pixel."""
    x = np.arange(count, dtype=np.float64).reshape(count, 1, 1, 1)
    return ArrayPictures("numbers", x, np.arange(count, dtype=np.int64) % classes)


@given(LABELS, st.data())
def test_stratified_takes_exactly_as_many_as_asked(y, data):
    count = data.draw(st.integers(0, len(y)))
    chosen = stratified(y, count, np.random.default_rng(0))
    assert len(chosen) == len(set(chosen.tolist())) == count


@given(LABELS, st.data())
def test_stratified_gives_every_class_its_share_within_one(y, data):
    count = data.draw(st.integers(0, len(y)))
    taken = y[stratified(y, count, np.random.default_rng(0))]
    for label in np.unique(y):
        assert abs((taken == label).sum() - (y == label).sum() * count / len(y)) < 1


@given(st.integers(0, 1000))
def test_stratified_depends_on_the_generator_alone(seed):
    y = np.arange(50, dtype=np.int64) % 4
    first, second = (stratified(y, 20, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(first, second)


@given(LABELS, st.data())
def test_without_is_the_complement_of_only(y, data):
    positions = np.array(sorted(data.draw(st.sets(st.integers(0, len(y) - 1)))), dtype=np.intp)
    pictures = ArrayPictures("", np.arange(len(y)).reshape(-1, 1, 1, 1), y)
    kept, dropped = without(pictures, positions).x, pictures.only(positions).x
    assert sorted([*kept.flat, *dropped.flat]) == list(range(len(y)))


@given(st.integers(0, 100), st.sampled_from([0.1, 0.2, 0.5]), st.sampled_from([None, 30, 45]))
def test_the_three_parts_share_no_image(seed, fraction, limit):
    rest, test = hold_out_test(numbered(60, 3))
    dataset = assemble(Digits(seed=seed, validation_fraction=fraction, limit=limit), rest, test, classes=3)
    raw = [
        np.round(part * dataset.deviation[0] + dataset.mean[0]).ravel().tolist()
        for part in (dataset.x_train, dataset.x_validation, dataset.x_test)
    ]
    together = [number for part in raw for number in part]
    assert len(together) == len(set(together)) == (limit or len(rest.y)) + len(test.y)


@given(st.integers(0, 100))
def test_the_seed_of_a_study_moves_no_image_into_the_test_part(seed):
    rest, test = hold_out_test(numbered(60, 3))
    dataset = assemble(Digits(seed=seed), rest, test, classes=3)
    raw = np.round(dataset.x_test * dataset.deviation[0] + dataset.mean[0])
    assert np.array_equal(raw, test.x)


def test_another_seed_draws_another_validation_part():
    rest, test = hold_out_test(numbered(60, 3))
    first, second = (assemble(Digits(seed=seed), rest, test, classes=3) for seed in (0, 1))
    assert first.mean != second.mean


def test_only_the_train_part_sets_the_statistics():
    train, test = numbered(20, 2), ArrayPictures("far", np.full((2, 1, 1, 1), 1e6), np.array([0, 1]))
    dataset = assemble(Digits(), train, test, classes=2)
    assert dataset.x_train.mean() == pytest.approx(0, abs=1e-6)
    assert dataset.x_train.std() == pytest.approx(1, abs=1e-6)


def test_a_class_that_is_left_without_training_images_is_refused():
    y = np.array([0] * 30 + [1], dtype=np.int64)
    pictures = ArrayPictures("lonely.npz", np.arange(31.0).reshape(-1, 1, 1, 1), y)
    with pytest.raises(DataError, match=r"lonely\.npz: no image of class 1 is left to train on"):
        assemble(Digits(validation_fraction=0.9), pictures, pictures, classes=2)


def test_equal_pixels_everywhere_are_refused():
    grey = ArrayPictures("grey.npz", np.ones((20, 1, 2, 2)), np.arange(20, dtype=np.int64) % 2)
    with pytest.raises(DataError, match=r"grey\.npz: all pixels of a channel have the same value"):
        assemble(Digits(), grey, grey, classes=2)


def test_more_than_memory_should_hold_is_refused_before_it_is_tried():
    x = np.zeros((3, 1, 2, 2), dtype=np.float32)
    with pytest.raises(DataError, match=r"big: 3 images of .* need 11\.2 GiB of memory; the limit is 4 GiB"):
        resize("big", x, (31622, 31622))


def test_resizing_keeps_a_constant_image_constant():
    resized = resize("flat", np.full((2, 3, 7, 5), 4.0, dtype=np.float32), (3, 10))
    assert resized.shape == (2, 3, 3, 10)
    assert np.allclose(resized, 4.0)


def test_shrinking_counts_every_pixel():
    edge = np.zeros((1, 1, 8, 8), dtype=np.float32)
    edge[..., 0] = 1.0
    assert resize("edge", edge, (1, 1)).item() > 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", 1),
        ("limit", "many"),
        ("resolution", 0),
        ("seed", -1),
        ("seed", True),
        ("validation_fraction", 0.0),
        ("validation_fraction", float("nan")),
        ("validation_fraction", 1.0),
    ],
)
def test_an_illegal_setting_is_named(field, value):
    with pytest.raises(ConfigError, match=rf"^digits\.{field} is "):
        Digits(**{field: value})

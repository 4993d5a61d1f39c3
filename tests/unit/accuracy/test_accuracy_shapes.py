"""The generated task of labelling pixels: what is drawn, that its test part stays, and that it can be learnt."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from coexplore.accuracy.data import Shapes
from coexplore.accuracy.shapes import CLASSES, OUTLINES, draw
from coexplore.accuracy.training import Recipe, check_fits, train
from coexplore.core.errors import ConfigError, DataError, EvaluationError
from coexplore.networks.encoder_decoder import EncoderDecoder

SMALL = Shapes(images=120, size=16)


@pytest.fixture(scope="module")
def small():
    return SMALL.load()


def test_parts_have_the_sizes_asked_for(small):
    assert [len(part) for part in (small.y_train, small.y_validation, small.y_test)] == [96, 24, 200]
    assert small.input_shape == (1, 16, 16)
    assert small.label_shape == (16, 16)
    assert small.classes == CLASSES
    assert set(np.unique(small.y_train)) == set(range(CLASSES))


def test_equal_seeds_draw_equal_images_and_others_do_not(small):
    assert SMALL.load().content_hash == small.content_hash
    other = dataclasses.replace(SMALL, seed=1).load()
    assert not np.array_equal(other.x_train, small.x_train)
    assert np.array_equal(other.y_test, small.y_test)


def test_no_image_is_in_two_parts(small):
    images = [image.tobytes() for part in (small.y_train, small.y_validation, small.y_test) for image in part]
    pixels = np.concatenate([small.x_train, small.x_validation, small.x_test])
    assert len({image.tobytes() for image in pixels}) == len(images) == len(pixels)


def test_shapes_are_brighter_than_what_is_behind_them():
    x, y = draw(50, 32, 0.01, (0,))
    assert x[:, 0][y > 0].min() > 0.5
    assert abs(x[:, 0][y == 0]).max() < 0.1


def test_a_longer_draw_begins_with_the_shorter_one():
    (x, y), (longer_x, longer_y) = draw(5, 16, 0.5, (3,)), draw(9, 16, 0.5, (3,))
    assert np.array_equal(longer_x[:5], x)
    assert np.array_equal(longer_y[:5], y)


def test_outlines_have_the_areas_of_their_shapes():
    down, right = (np.mgrid[:600, :600] - 299.5) / 250
    cell = (1 / 250) ** 2
    areas = {1: np.pi, 2: 2.0, 3: 0.75 * np.sqrt(3)}
    for label, outline in OUTLINES.items():
        inside = outline(down, right)
        assert inside.sum() * cell == pytest.approx(areas[label], rel=0.01)
        assert (down[inside] ** 2 + right[inside] ** 2).max() <= 1.001


def test_a_network_learns_to_label_pixels():
    pytest.importorskip("torch")
    data, recipe = Shapes(images=300, size=16).load(), Recipe(epochs=6, batch_size=8, learning_rate=0.03)
    family = EncoderDecoder(input_shape=(1, 16, 16), widths=(16, 24))
    network = family.lower(next(family.space.enumerate()))
    result = train(network, data, recipe)
    background = np.bincount(data.y_validation.ravel())[0] / data.y_validation.size / CLASSES
    assert result.curve[-1] > 2 * background
    assert train(network, data, recipe).curve == result.curve


def test_a_network_of_one_label_an_image_is_refused(small, small_network):
    with pytest.raises(EvaluationError, match=r"expected one output \(N, 4, 16, 16\)"):
        check_fits(dataclasses.replace(small_network, inputs=(("image", (1, 1, 6, 6)),)), small)


def test_labels_of_another_shape_are_refused(small):
    with pytest.raises(DataError, match=r"y_test holds int64 \(200,\); expected int64 \(200, 16, 16\)"):
        dataclasses.replace(small, y_test=small.y_test[:, 0, 0].copy())
    with pytest.raises(DataError, match=r"y_train holds int64 \(96, 8, 16\); expected int64 \(96,\)"):
        dataclasses.replace(small, y_train=small.y_train[:, :8].copy())


def test_a_label_out_of_range_is_named_by_its_pixel(small):
    labels = small.y_test.copy()
    labels[3, 4, 5] = CLASSES
    with pytest.raises(DataError, match=r"y_test\[3, 4, 5\] is 4; expected a label from 0 to 3"):
        dataclasses.replace(small, y_test=labels)


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"images": 3}, "images"), ({"size": 4}, "size"), ({"noise": 0.0}, "noise"), ({"seed": -1}, "seed")],
)
def test_an_illegal_setting_is_refused_by_name(setting, message):
    with pytest.raises(ConfigError, match=rf"shapes\.{message}"):
        Shapes(**setting)

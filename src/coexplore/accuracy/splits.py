"""Which images train, which choose, which judge? From labelled pictures to the three parts of a data set."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from coexplore.accuracy._settings import MAX_SEED, check_real, check_whole
from coexplore.accuracy.dataset import Dataset, Images, Labels
from coexplore.accuracy.pictures import Pictures, Positions, resize, without
from coexplore.core.errors import DataError

TEST_FRACTION = 0.2
"""Share held out as the test part where the source has none of its own."""
TEST_SEED = 20190615
"""Draws that test part. A constant, so that no seed of a study can move images between search and final report."""


class SplitSettings(Protocol):
    """The settings that all data sets share."""

    @property
    def name(self) -> str:
        """The name under which the data set is registered."""
        ...

    @property
    def limit(self) -> int | None:
        """Images used for training and validation together; None for all."""
        ...

    @property
    def resolution(self) -> int | None:
        """Height and width to resize to; None keeps the images as they are."""
        ...

    @property
    def seed(self) -> int:
        """Draws the limited images and the validation part."""
        ...

    @property
    def validation_fraction(self) -> float:
        """Share of the training images held out for the search."""
        ...


def check_split(settings: SplitSettings) -> None:
    """Check the shared settings.

    Raises:
        ConfigError: naming the field.
    """
    if settings.limit is not None:
        check_whole(f"{settings.name}.limit", settings.limit, 2, 10**9)
    if settings.resolution is not None:
        check_whole(f"{settings.name}.resolution", settings.resolution, 1, 4096)
    check_whole(f"{settings.name}.seed", settings.seed, 0, MAX_SEED)
    check_real(f"{settings.name}.validation_fraction", settings.validation_fraction, 0.01, 0.9)


def hold_out_test(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """Split off the test part by `TEST_SEED`: what remains, and the test part."""
    count = max(1, round(len(pictures.y) * TEST_FRACTION))
    test = stratified(pictures.y, count, np.random.default_rng(TEST_SEED))
    return without(pictures, test), pictures.only(test)


def assemble(settings: SplitSettings, train: Pictures, test: Pictures, classes: int) -> Dataset:
    """The data set: limited, split by class and seed, resized, standardised by the statistics of its train part.

    Raises:
        DataError: too few images for every class to be trained on, all pixels equal, or more than memory should hold.
    """
    rng = np.random.default_rng(settings.seed)
    if settings.limit is not None and settings.limit < len(train.y):
        train = train.only(stratified(train.y, settings.limit, rng))
    held_out = stratified(train.y, max(1, round(len(train.y) * settings.validation_fraction)), rng)
    validation, train = train.only(held_out), without(train, held_out)
    _check_classes(train, classes)
    x_train, x_validation, x_test = (_resized(part, settings.resolution) for part in (train, validation, test))
    mean, deviation = _statistics(x_train, train.where)
    return Dataset(
        name=settings.name,
        x_train=(x_train - mean) / deviation,
        y_train=train.y,
        x_validation=(x_validation - mean) / deviation,
        y_validation=validation.y,
        x_test=(x_test - mean) / deviation,
        y_test=test.y,
        classes=classes,
        mean=tuple(float(value) for value in mean.flat),
        deviation=tuple(float(value) for value in deviation.flat),
    )


def stratified(y: Labels, count: int, rng: np.random.Generator) -> Positions:
    """Exactly `count` positions, sorted, with every class in its share (largest remainders first)."""
    labels, sizes = np.unique(y, return_counts=True)
    shares = sizes * count / len(y)
    quota = np.floor(shares).astype(np.int64)
    quota[np.argsort(quota - shares, kind="stable")[: count - int(quota.sum())]] += 1
    chosen = [rng.permutation(np.flatnonzero(y == label))[:n] for label, n in zip(labels, quota, strict=True)]
    return np.sort(np.concatenate(chosen))


def _resized(part: Pictures, resolution: int | None) -> Images:
    x = part.pixels()
    return x if resolution is None else resize(part.where, x, (resolution, resolution))


def _check_classes(train: Pictures, classes: int) -> None:
    missing = sorted(set(range(classes)) - set(train.y.tolist()))
    if missing:
        raise DataError(
            f"{train.where}: no image of class {missing[0]} is left to train on ({len(train.y)} images in all); "
            "add images, raise limit, or lower validation_fraction"
        )


def _statistics(x: Images, where: str) -> tuple[Images, Images]:
    mean = x.mean(axis=(0, 2, 3), keepdims=True, dtype=np.float64)
    deviation = x.std(axis=(0, 2, 3), keepdims=True, dtype=np.float64)
    if not deviation.min() > 0:
        raise DataError(f"{where}: all pixels of a channel have the same value; there is nothing to learn from")
    return mean.astype(np.float32), deviation.astype(np.float32)

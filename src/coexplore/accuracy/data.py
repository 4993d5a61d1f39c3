"""Which data sets are there, and how are they loaded? One frozen dataclass of settings each, registered by name.

Every data set has a validation part, split off the training images by class and seed, for the search, and a test part
that does not depend on any setting but `resolution`, for the final report.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from coexplore.accuracy._settings import MAX_SEED, check_real, check_whole
from coexplore.accuracy.dataset import Dataset as Dataset
from coexplore.accuracy.images import Reading, list_folder
from coexplore.accuracy.npz import CHANNELS, read_npz
from coexplore.accuracy.pictures import ArrayPictures, check_memory
from coexplore.accuracy.shapes import CLASSES, draw
from coexplore.accuracy.splits import TEST_SEED, SplitSettings, assemble, check_split, hold_out_test
from coexplore.core.errors import ConfigError, DataError, MissingExtraError
from coexplore.core.registry import Registry

DATA_VARIABLE = "COEXPLORE_DATA"
"""Environment variable with the folder that relative paths start from."""
SHAPES_TESTED = 200
"""Images of the test part of shapes."""


class DatasetSettings(Protocol):
    """What a user says about a data set; implementations are frozen dataclasses with a default for every setting."""

    def load(self, data_root: Path | None = None) -> Dataset:
        """Read, check, split and standardise it; relative paths start from `data_root`, else from `COEXPLORE_DATA`.

        Raises:
            DataError: it cannot be found, read or used.
            MissingExtraError: it needs a library that is not installed.
        """
        ...


DATASETS: Registry[type[DatasetSettings]] = Registry("data set")


@DATASETS.register("digits")
@dataclass(frozen=True, slots=True)
class Digits:
    """1797 handwritten digits of 8x8 pixels that come with scikit-learn, no download; 359 of them are the test part."""

    name: ClassVar[str] = "digits"

    limit: int | None = None
    """Images used for training and validation together; None for all."""
    resolution: int | None = None
    """Height and width to resize to; None keeps 8."""
    seed: int = 0
    """Draws the limited images and the validation part, never the test part."""
    validation_fraction: float = 0.2
    """Share of the training images held out for the search."""

    def __post_init__(self) -> None:
        check_split(self)

    def load(self, data_root: Path | None = None) -> Dataset:
        """Read it from scikit-learn; `data_root` is not needed."""
        try:
            from sklearn.datasets import load_digits
        except ImportError as error:
            raise MissingExtraError("the data set 'digits'", "train") from error
        source = load_digits()
        pictures = ArrayPictures("scikit-learn's digits", source.images[:, None], source.target.astype(np.int64))
        return assemble(self, *hold_out_test(pictures), classes=10)


@DATASETS.register("fashion-mnist")
@dataclass(frozen=True, slots=True)
class FashionMnist:
    """60,000 + 10,000 grey pictures of clothes, 28x28 pixels, 10 classes, from an npz file."""

    name: ClassVar[str] = "fashion-mnist"

    path: str = "fashion_mnist.npz"
    """The file, relative to the data root or absolute."""
    limit: int | None = None
    """Images used for training and validation together; None for all."""
    resolution: int | None = None
    """Height and width to resize to; None keeps 28."""
    seed: int = 0
    """Draws the limited images and the validation part."""
    validation_fraction: float = 0.2
    """Share of the training images held out for the search."""

    def __post_init__(self) -> None:
        check_split(self)

    def load(self, data_root: Path | None = None) -> Dataset:
        """Read the file."""
        return _load_npz(self, self.path, data_root)


@DATASETS.register("mnist")
@dataclass(frozen=True, slots=True)
class Mnist:
    """60,000 + 10,000 handwritten digits, 28x28 pixels, 10 classes, from an npz file."""

    name: ClassVar[str] = "mnist"

    path: str = "mnist.npz"
    """The file, relative to the data root or absolute."""
    limit: int | None = None
    """Images used for training and validation together; None for all."""
    resolution: int | None = None
    """Height and width to resize to; None keeps 28."""
    seed: int = 0
    """Draws the limited images and the validation part."""
    validation_fraction: float = 0.2
    """Share of the training images held out for the search."""

    def __post_init__(self) -> None:
        check_split(self)

    def load(self, data_root: Path | None = None) -> Dataset:
        """Read the file."""
        return _load_npz(self, self.path, data_root)


@DATASETS.register("image-folder")
@dataclass(frozen=True, slots=True)
class ImageFolder:
    """PNG and JPEG files, one folder a class: `train/<class>` and `test/<class>`, or `<class>` alone."""

    name: ClassVar[str] = "image-folder"

    path: str = ""
    """The folder, relative to the data root or absolute."""
    channels: int = 3
    """3 reads colour, 1 reads grey."""
    limit: int | None = None
    """Images used for training and validation together; None for all."""
    resolution: int | None = None
    """Height and width to resize to; None needs all images to have one size."""
    seed: int = 0
    """Draws the limited images and the validation part, never the test part."""
    validation_fraction: float = 0.2
    """Share of the training images held out for the search."""

    def __post_init__(self) -> None:
        check_split(self)
        check_whole(f"{self.name}.channels", self.channels, 1, 3)
        if self.channels not in CHANNELS:
            raise ConfigError(f"{self.name}.channels is {self.channels}; give 1 (grey) or 3 (colour)")

    def load(self, data_root: Path | None = None) -> Dataset:
        """Read the folder."""
        if not self.path:
            raise DataError("image-folder.path is empty; give the folder that holds the class folders")
        with _readable(self.path, data_root) as folder:
            train, test, classes = list_folder(folder, Reading(self.channels, self.resolution))
            return assemble(self, train, test, classes)


@DATASETS.register("shapes")
@dataclass(frozen=True, slots=True)
class Shapes:
    """Discs, squares and triangles on noise, drawn by seed; every pixel has a label, accuracy is the mean overlap."""

    name: ClassVar[str] = "shapes"

    images: int = 600
    """For training and validation together."""
    size: int = 32
    """Height and width."""
    noise: float = 0.3
    """Standard deviation; the shapes are 0.6 to 1.4 brighter than the background."""
    seed: int = 0
    """Draws the images for training and validation, never the test part."""
    validation_fraction: float = 0.2
    """Share of the images held out for the search."""

    def __post_init__(self) -> None:
        check_whole(f"{self.name}.images", self.images, 10, 10**6)
        check_whole(f"{self.name}.size", self.size, 8, 1024)
        check_real(f"{self.name}.noise", self.noise, 0.01, 100.0)
        check_whole(f"{self.name}.seed", self.seed, 0, MAX_SEED)
        check_real(f"{self.name}.validation_fraction", self.validation_fraction, 0.01, 0.9)

    def load(self, data_root: Path | None = None) -> Dataset:
        """Draw it; `data_root` is not needed."""
        held_out = max(1, round(self.images * self.validation_fraction))
        check_memory(self.name, (self.images, 1, self.size, self.size))
        x, y = draw(self.images, self.size, self.noise, (self.seed,))
        x_test, y_test = draw(SHAPES_TESTED, self.size, self.noise, (MAX_SEED, TEST_SEED))
        mean, deviation = x[held_out:].mean(), x[held_out:].std()
        return Dataset(
            self.name,
            *((x[held_out:] - mean) / deviation, y[held_out:]),
            *((x[:held_out] - mean) / deviation, y[:held_out]),
            *((x_test - mean) / deviation, y_test),
            classes=CLASSES,
            mean=(float(mean),),
            deviation=(float(deviation),),
        )


def _load_npz(settings: SplitSettings, path: str, data_root: Path | None) -> Dataset:
    with _readable(path, data_root) as file:
        train, test = read_npz(file, classes=10)
    return assemble(settings, train, test, classes=10)


@contextmanager
def _readable(path: str, data_root: Path | None) -> Iterator[Path]:
    located = _located(path, data_root)
    try:
        yield located
    except OSError as error:
        raise DataError(f"{located} cannot be read: {error.strerror}; check the path and its permissions") from error


def _located(path: str, data_root: Path | None) -> Path:
    given = Path(path).expanduser()
    if given.is_absolute():
        return given
    root = data_root or os.environ.get(DATA_VARIABLE)
    if not root:
        raise DataError(
            f"the data {path!r} have no folder to be looked for in; give it with --data or {DATA_VARIABLE}, "
            "or give an absolute path"
        )
    return Path(root).expanduser() / given

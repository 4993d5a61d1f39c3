"""What is a data set, once loaded? Three parts of standardised images, checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import DataError
from coexplore.core.hashing import content_hash

Images = npt.NDArray[np.float32]
"""(n, C, H, W)."""
Labels = npt.NDArray[np.int64]
"""(n,), one an image, or (n, H, W), one a pixel; each from 0 to classes - 1."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images in three parts: one to train on, one for the search to choose by, one for the final report alone.

    The arrays are read-only.

    Raises:
        DataError: a part is empty, its arrays do not fit each other, or an image holds NaN or infinity.
    """

    name: str
    x_train: Images
    y_train: Labels
    x_validation: Images
    y_validation: Labels
    x_test: Images
    y_test: Labels
    classes: int
    mean: tuple[float, ...] = ()
    """Per channel, what was subtracted from the raw pixels; empty where unknown."""
    deviation: tuple[float, ...] = ()
    """Per channel, what the raw pixels were divided by after that; empty where unknown."""

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise DataError(f"data set {self.name!r} has {self.classes} class; a classifier needs at least 2")
        for part in ("train", "validation", "test"):
            self._check(part)
            for field in (f"x_{part}", f"y_{part}"):
                array = getattr(self, field).view()
                array.flags.writeable = False
                object.__setattr__(self, field, array)

    def _check(self, part: str) -> None:
        x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
        where = f"data set {self.name!r}"
        if x.dtype != np.float32 or x.ndim != 4 or x.size == 0:
            raise DataError(f"{where}: x_{part} holds {describe(x)}; expected float32 (n, C, H, W), none of them 0")
        if x.shape[1:] != self.input_shape:
            raise DataError(f"{where}: images of x_{part} are {x.shape[1:]}, those of x_train {self.input_shape}")
        expected = (len(x), *self.label_shape) if self.label_shape == x.shape[2:] else (len(x),)
        if y.dtype != np.int64 or y.shape != expected:
            raise DataError(
                f"{where}: y_{part} holds {describe(y)}; expected int64 {expected}, one label an image or pixel"
            )
        check_labels(where, f"y_{part}", y, self.classes)
        check_finite(where, f"x_{part}", x)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        _, channels, height, width = self.x_train.shape
        return channels, height, width

    @property
    def label_shape(self) -> tuple[int, ...]:
        """Of the labels of one image: () for one label, (H, W) for one a pixel."""
        return self.y_train.shape[1:]

    @cached_property
    def content_hash(self) -> str:
        """Content hash of everything in it."""
        return content_hash(self)


def describe(array: npt.NDArray[np.number]) -> str:
    """Type and shape of an array, for messages."""
    return f"{array.dtype} {array.shape}"


def check_labels(where: str, name: str, y: npt.NDArray[np.number], classes: int) -> None:
    """Check that labels lie in range.

    Raises:
        DataError: naming the array, the first wrong label and its position.
    """
    wrong = np.flatnonzero((y < 0) | (y >= classes))
    if wrong.size:
        first = int(wrong[0])
        place = ", ".join(str(position) for position in np.unravel_index(first, y.shape))
        raise DataError(f"{where}: {name}[{place}] is {int(y.flat[first])}; expected a label from 0 to {classes - 1}")


def check_finite(where: str, name: str, x: npt.NDArray[np.number]) -> None:
    """Check that pixels are numbers.

    Raises:
        DataError: naming the array, how many pixels are not finite and the first image that holds one.
    """
    bad = ~np.isfinite(x)
    if bad.any():
        image = int(np.argwhere(bad)[0][0])
        raise DataError(
            f"{where}: {name} holds {int(bad.sum())} values that are NaN or infinite, the first in image {image}; "
            "expected finite pixels"
        )

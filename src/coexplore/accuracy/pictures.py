"""What does a source of images offer before it is split? Labels at once, pixels only of what is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from coexplore.accuracy._torch import import_torch
from coexplore.accuracy.dataset import Images, Labels
from coexplore.core.errors import DataError

Positions = npt.NDArray[np.intp]

MAX_PART_BYTES = 4 * 2**30
"""Largest part of a data set we hold in memory."""


class Pictures(Protocol):
    """Labelled images that may not have been read yet."""

    @property
    def where(self) -> str:
        """The file or folder they come from, for messages."""
        ...

    @property
    def y(self) -> Labels:
        """One label an image."""
        ...

    def only(self, positions: Positions) -> Pictures:
        """Those at `positions`, in that order."""
        ...

    def pixels(self) -> Images:
        """Raw pixels (n, C, H, W).

        Raises:
            DataError: an image cannot be read, or all of them do not fit in memory.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ArrayPictures:
    """Images that lie in memory."""

    where: str
    x: npt.NDArray[np.number]
    """(n, C, H, W)."""
    y: Labels

    def only(self, positions: Positions) -> ArrayPictures:
        """Those at `positions`, in that order."""
        return ArrayPictures(self.where, self.x[positions], self.y[positions])

    def pixels(self) -> Images:
        """Raw pixels (n, C, H, W)."""
        check_memory(self.where, self.x.shape)
        return self.x.astype(np.float32)


def without(pictures: Pictures, positions: Positions) -> Pictures:
    """All but those at `positions`, in their order."""
    kept = np.ones(len(pictures.y), dtype=bool)
    kept[positions] = False
    return pictures.only(np.flatnonzero(kept))


def resize(where: str, x: Images, size: tuple[int, int]) -> Images:
    """Images at another height and width: bilinear, smoothed when shrinking.

    Raises:
        DataError: the result would not fit in memory.
        MissingExtraError: torch is not installed.
    """
    if x.shape[2:] == size:
        return x
    check_memory(where, (*x.shape[:2], *size))
    torch = import_torch("resizing images")
    resized = torch.nn.functional.interpolate(torch.tensor(x), size=size, mode="bilinear", antialias=True)
    return np.ascontiguousarray(resized.numpy())


def check_memory(where: str, shape: tuple[int, ...]) -> None:
    """Check that a float32 array of this shape is small enough.

    Raises:
        DataError: saying how much it needs and what to lower.
    """
    needed = 4 * math.prod(shape)
    if needed > MAX_PART_BYTES:
        raise DataError(
            f"{where}: {shape[0]} images of {shape[1:]} need {needed / 2**30:.1f} GiB of memory; the limit is "
            f"{MAX_PART_BYTES / 2**30:.0f} GiB; lower limit or resolution"
        )

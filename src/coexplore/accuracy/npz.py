"""What do the four arrays of an npz file hold? Read without trust: sizes, types, shapes and values are checked."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from coexplore.accuracy.dataset import check_finite, check_labels, describe
from coexplore.accuracy.pictures import ArrayPictures
from coexplore.core.errors import DataError

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
MAX_ARRAY_BYTES = 2 * 2**30
"""Largest array we unpack."""
CHANNELS = (1, 3)
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    EOFError,
    ValueError,
    TypeError,
    OSError,
    RuntimeError,
    MemoryError,
)
"""What zipfile and NumPy raise on damaged files, found by damaging them."""


def read_npz(path: Path, classes: int) -> tuple[ArrayPictures, ArrayPictures]:
    """Train and test pictures of a file with the arrays x_train, y_train, x_test and y_test.

    Images are (n, H, W) or (n, H, W, C) with 1 or 3 channels, uint8 or finite floating point; labels are whole numbers
    from 0 to `classes` - 1, at least two different ones.

    Raises:
        DataError: naming the file, the array, what was found and what is expected.
    """
    arrays = _read_arrays(path)
    train, test = (_pictures(path, arrays, part, classes) for part in ("train", "test"))
    if train.x.shape[1:] != test.x.shape[1:]:
        raise DataError(
            f"{path}: images of x_test are {test.x.shape[1:]} (C, H, W), those of x_train {train.x.shape[1:]}"
        )
    if len(np.unique(train.y)) < 2:
        raise DataError(f"{path}: y_train holds the one label {train.y[0]}; expected at least 2 classes")
    return train, test


def _read_arrays(path: Path) -> dict[str, npt.NDArray[np.number]]:
    if not path.is_file():
        raise DataError(
            f"{path} does not exist or is not a file; expected an npz file with the arrays {', '.join(ARRAYS)}"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename.removesuffix(".npy"): info.file_size for info in archive.infolist()}
    except _DAMAGE as error:
        raise DataError(f"{path} cannot be read as an npz file ({error}); it is damaged or something else") from error
    for name in ARRAYS:
        if name not in sizes:
            raise DataError(f"{path}: array {name!r} is missing; found {', '.join(sorted(sizes)) or 'none'}")
        if sizes[name] > MAX_ARRAY_BYTES:
            raise DataError(f"{path}: array {name!r} unpacks to {sizes[name]} bytes; the limit is {MAX_ARRAY_BYTES}")
    return {name: _read_array(path, name) for name in ARRAYS}


def _read_array(path: Path, name: str) -> npt.NDArray[np.number]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            array: npt.NDArray[np.number] | bytes = archive[name]
    except _DAMAGE as error:
        raise DataError(f"{path}: array {name!r} cannot be read ({error}); the file is damaged") from error
    if isinstance(array, bytes):
        raise DataError(f"{path}: array {name!r} cannot be read (no NumPy array); the file is damaged")
    return array


def _pictures(path: Path, arrays: dict[str, npt.NDArray[np.number]], part: str, classes: int) -> ArrayPictures:
    x, y, where = arrays[f"x_{part}"], arrays[f"y_{part}"], str(path)
    if x.dtype != np.uint8 and not np.issubdtype(x.dtype, np.floating):
        raise DataError(f"{where}: x_{part} holds {describe(x)}; expected uint8 or floating point pixels")
    colour = x.ndim == 4 and x.shape[-1] in CHANNELS
    if x.size == 0 or not (x.ndim == 3 or colour):
        raise DataError(f"{where}: x_{part} holds {describe(x)}; expected (n, H, W), or (n, H, W, C) with C 1 or 3")
    if not np.issubdtype(y.dtype, np.integer) or y.ndim != 1:
        raise DataError(f"{where}: y_{part} holds {describe(y)}; expected whole numbers of shape ({len(x)},)")
    if len(y) != len(x):
        raise DataError(
            f"{where}: y_{part} holds {len(y)} labels, x_{part} {len(x)} images; expected one label an image"
        )
    check_labels(where, f"y_{part}", y, classes)
    if x.dtype != np.uint8:
        check_finite(where, f"x_{part}", x)
    return ArrayPictures(where, np.moveaxis(x, -1, 1) if colour else x[:, None], y.astype(np.int64))

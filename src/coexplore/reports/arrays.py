"""How are arrays read from a file that may be hostile? Plain npz, without objects, within a size."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import StoreError
from coexplore.core.files import read_limited

LIMIT_BYTES = 4 << 30
"""Of the file, and of what it unpacks to."""


def read_arrays(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """The arrays of a file of weights, by name.

    Raises:
        StoreError: absent, too large, or not an npz file of numbers.
    """
    content = read_limited(path, LIMIT_BYTES, "file of weights")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > LIMIT_BYTES:
            raise StoreError(f"file of weights {path} unpacks to {size} bytes, more than the limit of {LIMIT_BYTES}")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {name: np.asarray(arrays[name], dtype=np.float32) for name in arrays.files}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError) as error:
        raise StoreError(f"file of weights {path} is damaged: {error}") from error

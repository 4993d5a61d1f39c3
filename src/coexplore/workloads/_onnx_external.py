"""What is in a stored array whose content lies beside the model file? Read from that folder alone, if it fits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from coexplore.workloads._onnx_format import import_onnx_package

if TYPE_CHECKING:
    import onnx

LIMIT_BYTES = 2**29
"""Of one array; larger ones are never looked into."""


def read_external(tensor: onnx.TensorProto, folder: Path) -> npt.NDArray[Any] | None:
    """The array, None where the file is absent, elsewhere, or shorter than the array."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    offset, sizes = entries.get("offset", "0"), tuple(int(size) for size in tensor.dims)
    kind = _number_format(tensor)
    if kind is None or not offset.isdecimal() or len(offset) > 15 or min(sizes, default=0) < 0:
        return None
    count = math.prod(sizes)
    if count * kind.itemsize > LIMIT_BYTES:
        return None
    try:
        path = (folder / entries.get("location", "")).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            return None
        with path.open("rb") as file:
            file.seek(int(offset))
            content = file.read(count * kind.itemsize)
    except (OSError, ValueError):
        return None
    return np.frombuffer(content, kind).reshape(sizes) if len(content) == count * kind.itemsize else None


def _number_format(tensor: onnx.TensorProto) -> np.dtype[Any] | None:
    try:
        kind = np.dtype(import_onnx_package().helper.tensor_dtype_to_np_dtype(tensor.data_type))
    except (KeyError, ValueError, TypeError):
        return None
    return kind.newbyteorder("<") if kind.kind in "biuf" else None

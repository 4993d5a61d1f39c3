"""How are trained models kept in files, and read again without trust? Named arrays and a JSON header, never a pickle.

An npz file whose member `header` holds JSON text: what the file is, its version, settings, and the content hash of the
arrays. What is read is checked before it is unpacked: sizes, types, shapes, then the hash.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import DataError, StoreError
from coexplore.core.files import read_limited, write_atomic
from coexplore.core.hashing import content_hash

Arrays = dict[str, NDArray[np.generic]]

MAX_BYTES = 512 * 2**20
"""Largest file that is read, and most that its arrays unpack to."""
_HEADER = "header"
_PLAIN_KINDS = "biuf"
"""Booleans, integers and floating point numbers; no objects, no text."""
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    OSError,
    RuntimeError,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class ArrayFormat:
    """What a file holds."""

    kind: str
    """What it is, in words; stands in the header and in messages."""
    version: int
    """Raised when the arrays come to mean something else."""
    arrays: tuple[str, ...]
    """Names of the arrays."""

    def write(self, path: Path, header: Mapping[str, object], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write a file, whole or not at all.

        Raises:
            StoreError: it cannot be written.
        """
        document = {"kind": self.kind, "version": self.version, "content": _hash(arrays), **header}
        text = np.frombuffer(json.dumps(document, allow_nan=False).encode(), np.uint8)
        file = io.BytesIO()
        plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        np.savez(file, allow_pickle=False, **{_HEADER: text, **plain})
        write_atomic(path, file.getvalue())

    def read(self, path: Path) -> tuple[dict[str, Any], Arrays]:
        """Header and arrays of a file.

        Raises:
            DataError: absent, too large, damaged, of another kind or of another version.
        """
        try:
            arrays = _unpack(read_limited(path, MAX_BYTES, f"the {self.kind}"))
            header = json.loads(arrays.pop(_HEADER).astype(np.uint8).tobytes())
        except StoreError as error:
            raise DataError(f"{error}; give the path of a file that was written as a {self.kind}") from error
        except _DAMAGE as error:
            raise DataError(
                f"{path} cannot be read as a {self.kind} ({error}); it is damaged or something else"
            ) from error
        if not isinstance(header, dict) or header.get("kind") != self.kind:
            found = header.get("kind") if isinstance(header, dict) else None
            raise DataError(f"{path} is no {self.kind} but {found!r}; give another file")
        if header.get("version") != self.version:
            raise DataError(
                f"{path} is of version {header.get('version')!r}, this program reads version {self.version}; "
                "train it again"
            )
        if tuple(sorted(arrays)) != tuple(sorted(self.arrays)) or header.get("content") != _hash(arrays):
            raise DataError(f"{path}: its arrays are not those it was written with; it is damaged, train it again")
        return header, arrays


def _hash(arrays: Mapping[str, NDArray[Any]]) -> str:
    return content_hash({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _unpack(content: bytes) -> Arrays:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MAX_BYTES:
            raise ValueError(f"its arrays unpack to more than {MAX_BYTES} bytes")
        return {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}


def _array(member: bytes) -> NDArray[np.generic]:
    """An array, made only when its header agrees with what is there."""
    file = io.BytesIO(member)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("an array is in a form that is not written here")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind not in _PLAIN_KINDS or fortran:
        raise ValueError(f"an array holds {dtype}")
    count = math.prod(shape)
    if count * dtype.itemsize != len(member) - file.tell():
        raise ValueError(f"an array of shape {shape} is cut off")
    return np.frombuffer(member, dtype, count, file.tell()).reshape(shape).copy()

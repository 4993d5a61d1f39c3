"""Files that are either whole or absent: write beside, flush, rename."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from coexplore.core.errors import StoreError

READABLE = 0o644
"""Mode of a finished file; temporary files are private until then."""


def write_atomic(path: Path, content: bytes | str) -> None:
    """Replace `path` by `content` so that a reader, or a crash, never sees half a file.

    Raises:
        StoreError: the folder is not writable or the disk is full; `path` is left as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; choose a writable folder") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, READABLE)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise StoreError(f"cannot write {path}: {error.strerror}; free some space or choose another folder") from error


def read_limited(path: str | Path, limit_bytes: int, what: str) -> bytes:
    """Content of a file that came from outside, refused above a size.

    Raises:
        StoreError: absent, unreadable, or larger than `limit_bytes`.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise StoreError(f"{what} {path} is not a file")
        if size > limit_bytes:
            raise StoreError(f"{what} {path} holds {size} bytes, more than the limit of {limit_bytes}")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise StoreError(f"{what} {path} does not exist") from error
    except OSError as error:
        raise StoreError(f"cannot read {what} {path}: {error.strerror}") from error

"""What does a pickle from a stranger hold, when nothing of it may run? Numbers, text, containers; all else is refused.

A pickle is a program that may name any function and call it. Here a name stands for one of a few harmless makers of our
own or the file is refused; nothing is imported and nothing of numpy or torch is called. Tensors and arrays are passed
over. What is read is bounded: bytes, and where the system can do it memory, since a few bytes of pickle can ask for
any amount of it.
"""

from __future__ import annotations

import contextlib
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from coexplore.core.errors import DataError

DAMAGE = (
    pickle.UnpicklingError, struct.error, zipfile.BadZipFile, EOFError, OSError, AttributeError, IndexError, KeyError,
    TypeError, ValueError, ArithmeticError, MemoryError, RecursionError, SystemError,
)  # fmt: skip
"""What the unpickler raises on damaged files."""
_READ_AT_ONCE = 2**20
_NUMBERS = {"f2": "e", "f4": "f", "f8": "d", "b1": "?", **{f"{k}{n}": c for k, row in (("i", "bhiq"), ("u", "BHIQ"))
            for n, c in zip((1, 2, 4, 8), row, strict=True)}}  # fmt: skip
"""Letters of `struct` by kind and bytes of a NumPy number."""


class ForbiddenNameError(DataError):
    """A pickle names something that is not on the list; nothing was called."""


def load_plain(file: BinaryIO, limit_bytes: int, what: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """The next pickle of a file.

    Args:
        file: read from where it stands, and left after the pickle where it can peek.
        limit_bytes: the most that is read.
        what: the file, for messages.

    Raises:
        DataError: damaged, or larger than the limit.
        ForbiddenNameError: it names something that is not on the list.
    """
    try:
        return _PlainUnpickler(_Bounded(file, limit_bytes)).load()
    except ForbiddenNameError as error:
        raise ForbiddenNameError(
            f"{what} {error}; such a file can run any program, so it was not read on, and nothing of it was run. "
            "Take the file from the benchmark's own page"
        ) from error
    except DAMAGE as error:
        raise DataError(f"{what} cannot be read ({error}); it is cut off, damaged or something else") from error


@contextlib.contextmanager
def bounded_memory(more_bytes: int) -> Iterator[None]:
    """Keep this process from taking much more memory than now: what does, gets a MemoryError. POSIX only, else free.

    It holds for all threads, so it is for reading a file and nothing beside.
    """
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = now + more_bytes
    known = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([wanted, *known]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


class _Bounded:
    """A file of which no more than so many bytes are read, however many are asked for."""

    def __init__(self, file: BinaryIO, limit_bytes: int) -> None:
        self._file, self._left, self._limit = file, limit_bytes, limit_bytes

    def read(self, count: int) -> bytes:
        self._spend(count)
        if count <= _READ_AT_ONCE:
            return self._file.read(count)
        parts: list[bytes] = []  # a file that ends early must not cost the memory that it asked for
        while count > 0 and (part := self._file.read(min(count, _READ_AT_ONCE))):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def readline(self) -> bytes:
        line = self._file.readline(min(self._left + 1, _READ_AT_ONCE))
        self._spend(len(line))
        return line

    def _spend(self, count: int) -> None:
        self._left -= count
        if count < 0 or self._left < 0:
            raise pickle.UnpicklingError(f"it asks for more than the limit of {self._limit} bytes")


class _PlainUnpickler(pickle.Unpickler):
    def __init__(self, file: _Bounded) -> None:
        super().__init__(file, encoding="latin1")

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - a maker
        found = _MAKERS.get((module, name))
        if found is None and module.partition(".")[0] == "torch" and name.endswith("Storage"):
            found = _Ignored
        if found is None:
            raise ForbiddenNameError(f"names {module}.{name}")
        return found

    def persistent_load(self, pid: Any) -> None:  # noqa: ANN401
        """The numbers of a tensor; they stand elsewhere in the file and are not read."""


class _Ignored:
    """In place of a tensor or an array."""

    def __init__(self, *parts: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _NumberType:
    """In place of a NumPy type."""

    def __init__(self, code: str, *flags: object) -> None:
        self.code, self.order = str(code), "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = ">" if state[1] == ">" else "<"


def _number(kind: _NumberType, data: bytes | str) -> float:
    """In place of a NumPy number."""
    letter = _NUMBERS.get(kind.code)
    if letter is None:
        raise pickle.UnpicklingError(f"a number is of the unknown type {kind.code!r}")
    raw = data.encode("latin1") if isinstance(data, str) else data
    (value,) = struct.unpack(kind.order + letter, raw)
    return float(value)


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    """In place of `codecs.encode`, by which old pickles write bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes are encoded as {encoding!r}")
    return text.encode("latin1")


_MAKERS: dict[tuple[str, str], Callable[..., object]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
    ("_codecs", "encode"): _encoded,
    ("numpy", "dtype"): _NumberType,
    ("numpy", "ndarray"): _Ignored,
    ("torch._utils", "_rebuild_tensor"): _Ignored,
    ("torch._utils", "_rebuild_tensor_v2"): _Ignored,
    ("torch._utils", "_rebuild_parameter"): _Ignored,
}
for _package in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _MAKERS |= {(_package, "scalar"): _number, (_package, "_reconstruct"): _Ignored}

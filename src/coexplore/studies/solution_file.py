"""How is a solution read back from its file? Whole, of this version, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from coexplore.core.errors import StoreError
from coexplore.core.files import read_limited

LIMIT_BYTES = 1 << 28

Found_co = TypeVar("Found_co", covariant=True)


class Stored(Protocol[Found_co]):
    """What a file holds."""

    @property
    def schema(self) -> int:
        """Version of the file's form."""
        ...

    @property
    def solution(self) -> Found_co:
        """What was found."""
        ...


def read_stored(
    path: Path, adapter: TypeAdapter[Stored[Found_co]], schema: int, what: str, again: str
) -> Found_co | None:
    """The solution in a file, None where there is none yet.

    Args:
        path: the file.
        adapter: of what it holds.
        schema: the version that is understood.
        what: the file's kind, for messages.
        again: what happens to the space if the file is deleted.

    Raises:
        StoreError: damaged, or of another version.
    """
    if not path.exists():
        return None
    try:
        stored = adapter.validate_json(read_limited(path, LIMIT_BYTES, what))
    except ValidationError as error:
        raise StoreError(
            f"{path} is damaged ({error.errors()[0]['msg']}); delete it, and the space is {again} again"
        ) from error
    if stored.schema != schema:
        raise StoreError(f"{path} was written by another version of coexplore; use that version or another directory")
    return stored.solution

"""How does a solution become a file, and how is it read back? Whole, of this version, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from coexplore.core.errors import StoreError
from coexplore.core.files import read_limited, write_atomic

LIMIT_BYTES = 1 << 28

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Stored(Generic[Found]):
    """What a file holds."""

    schema: int
    """Version of the file's form."""
    solution: Found


@dataclass(frozen=True, slots=True)
class SolutionFile(Generic[Found]):
    """The form of one kind of solution on disk."""

    adapter: TypeAdapter[Stored[Found]]
    schema: int
    """The version that is written, and understood."""
    what: str
    """The file's kind, for messages."""
    again: str
    """What happens to the space if the file is deleted."""

    def write(self, path: Path, solution: Found) -> None:
        """Replace the file at once.

        Raises:
            StoreError: not writable, or the disk is full.
        """
        write_atomic(path, self.adapter.dump_json(Stored(self.schema, solution), indent=1))

    def read(self, path: Path) -> Found | None:
        """The solution in a file, None where there is none yet.

        Raises:
            StoreError: damaged, or of another version.
        """
        if not path.exists():
            return None
        try:
            stored = self.adapter.validate_json(read_limited(path, LIMIT_BYTES, self.what))
        except ValidationError as error:
            raise StoreError(
                f"{path} is damaged ({error.errors()[0]['msg']}); delete it, and the space is {self.again} again"
            ) from error
        if stored.schema != self.schema:
            raise StoreError(
                f"{path} was written by another version of coexplore; use that version or another directory"
            )
        return stored.solution

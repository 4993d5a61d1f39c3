"""What does a study of all networks times all accelerators find, beside its trials? The proof, as one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from coexplore.core.files import write_atomic
from coexplore.studies.exact_solution import Survivor
from coexplore.studies.solution_file import Stored, read_stored

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class JointSolution:
    """The outcome of answering for every pair."""

    fingerprint: str
    """Content hash of the study."""
    networks: int
    """All of the space; of the table, where it lists some of a space that is too large to go through."""
    known: int
    """Of those, how many have an accuracy; the others are no candidates."""
    accelerators: int
    """All of the space; each was priced."""
    decodable: int
    """Accelerators that exist: some points of a space may stand for none."""
    ops: int
    """Distinct ops with loops of all networks."""
    pairs: int
    """That the front answers for."""
    evaluated: int
    """Pairs whose totals were added up."""
    distinct_networks: int
    """Networks that run some op unlike often."""
    kept_accelerators: int
    """Accelerators within the area that no other one covers in every op."""
    blocked: int
    """Pairs of distinct op and accelerator that cannot run."""
    front: tuple[Survivor, ...]
    """Complete: every pair outside is beaten by one of these, or equal to one. Best first objective first. `equal`
    counts the pairs of exactly its accuracy, latency and energy."""
    nearest: Survivor | None
    """Where nothing is feasible: what comes nearest to the constraints."""
    reason: str
    """Why nothing is feasible, naming the nearest; empty where something is."""
    seconds: float = 0.0
    """Wall time of counting, pricing and proving, over the last run only."""

    def write(self, path: Path) -> None:
        """Replace the file at once.

        Raises:
            StoreError: not writable, or the disk is full.
        """
        write_atomic(path, _STORED.dump_json(_Stored(SCHEMA, self), indent=1))


def read_joint(path: Path) -> JointSolution | None:
    """The solution in a file, None where there is none yet.

    Raises:
        StoreError: damaged, or of another version.
    """
    return read_stored(path, _STORED, SCHEMA, "joint solution", "solved")


@dataclass(frozen=True, slots=True)
class _Stored:
    schema: int
    solution: JointSolution


_STORED: TypeAdapter[Stored[JointSolution]] = TypeAdapter(_Stored)

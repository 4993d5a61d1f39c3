"""What does a study of all networks times all accelerators find, beside its trials? The proof, as one file."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from coexplore.studies.exact_solution import Survivor
from coexplore.studies.solution_file import SolutionFile, Stored


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


JOINT_SOLUTIONS = SolutionFile(TypeAdapter(Stored[JointSolution]), schema=1, what="joint solution", again="solved")

"""What does a study of a suite find? The best accelerators, each with a network for every member, as one file."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from coexplore.spaces.decision import Value
from coexplore.studies.solution_file import SolutionFile, Stored


@dataclass(frozen=True, slots=True)
class MemberDesign:
    """A member on an accelerator of the front."""

    name: str
    point: dict[str, Value]
    """Decisions of its network, without prefix; empty where it is fixed."""
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class SuiteDesign:
    """An accelerator, with a network for every member."""

    point: dict[str, Value]
    """Decisions of the accelerator, without prefix."""
    metrics: dict[str, float]
    """Of the suite: means over the members by weight, and the area."""
    members: tuple[MemberDesign, ...]
    """In the order of the study file."""


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """What a member could have been."""

    name: str
    weight: float
    networks: int
    """With an accuracy; 1 where it is fixed."""


@dataclass(frozen=True, slots=True)
class SuiteSolution:
    """The outcome of looking at every accelerator for all members."""

    fingerprint: str
    """Content hash of the study."""
    members: tuple[MemberFacts, ...]
    accelerators: int
    """All of the space; each was priced."""
    decodable: int
    """Accelerators that exist: some points of a space may stand for none."""
    ops: int
    """Distinct ops with loops of all members; 0 where what stays on chip tells them apart."""
    front: tuple[SuiteDesign, ...]
    """What no other accelerator beats in the objectives; the best by the first one first."""
    nearest: SuiteDesign | None
    """Where nothing is feasible: what comes nearest to the limits."""
    reason: str
    """Why nothing is feasible, naming the nearest; empty where something is."""
    seconds: float = 0.0
    """Wall time of counting, pricing and choosing, over the last run only."""


SUITE_SOLUTIONS = SolutionFile(TypeAdapter(Stored[SuiteSolution]), schema=1, what="suite solution", again="solved")

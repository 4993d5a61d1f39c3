"""What does a study of exact hardware find, beside its trials? The front with its proof, as one file.

Everything here follows from arrays over all accelerators; the file keeps what a reader of the study wants to know.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from coexplore.cost.candidates import BlockedOp
from coexplore.spaces.decision import Value
from coexplore.studies.solution_file import SolutionFile, Stored


@dataclass(frozen=True, slots=True)
class Survivor:
    """An accelerator of the front, or the nearest to the constraints."""

    point: dict[str, Value]
    """Its decisions, by names in the space of designs."""
    metrics: dict[str, float]
    equal: int = 1
    """Accelerators with exactly its objectives, itself included: a mesh and its mirror image cost the same."""


@dataclass(frozen=True, slots=True)
class BrokenLimit:
    """A constraint, and what keeps it."""

    constraint: str
    broken_by: int
    """Accelerators that run the network and break it, whatever the others."""


@dataclass(frozen=True, slots=True)
class KnobStep:
    """What one knob moved by one step changes at the optimum, all others held."""

    knob: str
    before: Value
    after: Value
    metrics: dict[str, float] | None
    """After the step; None where the network cannot run there."""
    broken: str
    """The constraint that is broken worst there; empty where all are met."""
    unit: str
    """In what the knob is counted; empty where it has no order."""
    per_unit: dict[str, float] | None
    """Change of latency_s, energy_j and area_mm2 for each unit that the knob rises by."""


@dataclass(frozen=True, slots=True)
class Knob:
    """Where in its range a knob is chosen."""

    knob: str
    values: tuple[Value, ...]
    optimum: Value
    end: str
    """`low end`, `high end` or `inside`: where the optimum lies."""
    low_share: float
    """Part of the front with the lowest value, 0 to 1."""
    high_share: float
    """Part of the front with the highest value, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Looser:
    """The least by which a limit must give for a better optimum."""

    constraint: str
    """With the bound it would need."""
    metrics: dict[str, float]
    """Of the optimum under it."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The outcome of pricing every accelerator."""

    fingerprint: str
    """Content hash of the study."""
    accelerators: int
    """All of the space; each was priced."""
    ops: int
    """Distinct ops with loops of the network."""
    decodable: int
    """Accelerators that exist: some points of a space may stand for none."""
    runs: int
    """Accelerators that run every op."""
    feasible: int
    """Of those, how many meet all constraints."""
    blocked: tuple[BlockedOp, ...]
    """Ops that some accelerators cannot run, the most blocking first."""
    limits: tuple[BrokenLimit, ...]
    front: tuple[Survivor, ...]
    """Complete: every accelerator outside is beaten by one of these, or equal to one. Best first objective first."""
    nearest: Survivor | None
    """Where nothing is feasible: what comes nearest to the constraints."""
    reason: str
    """Why nothing is feasible, naming the nearest; empty where something is."""
    steps: tuple[KnobStep, ...] = ()
    """From the optimum, which is the first of the front."""
    knobs: tuple[Knob, ...] = ()
    looser: tuple[Looser, ...] = ()
    seconds: float = 0.0
    """Wall time of pricing, over the last run only."""


SOLUTIONS = SolutionFile(TypeAdapter(Stored[Solution]), schema=1, what="solution", again="priced")

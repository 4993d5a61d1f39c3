"""What is known of one trial? Its point, its state, and what was measured of it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field

from coexplore.spaces.space import Point

SCREENED = -1
"""In place of a number: the design was priced and never became a trial."""


class TrialState(enum.Enum):
    """How far a trial is. Only RUNNING ever changes, and only once."""

    RUNNING = "running"
    """Suggested; its evaluation has not ended."""
    COMPLETE = "complete"
    """Measured, and no constraint is broken."""
    INFEASIBLE = "infeasible"
    """A constraint is broken, or no such design exists; the reason says which, and how far off."""
    FAILED = "failed"
    """The evaluation itself went wrong: training diverged, or its worker died twice."""


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial as the store holds it."""

    number: int
    """Counted from 0 in the order of the suggestions."""
    state: TrialState
    point: Point
    metrics: dict[str, float] = field(default_factory=dict)
    """What was measured, by metric name; an infeasible trial has what was known when it ended."""
    reason: str = ""
    """Why the trial is infeasible or failed."""
    violation: float = 0.0
    """How far beyond the constraints, relative to their bounds; 0 when none is broken."""
    curve: tuple[float, ...] = ()
    """Validation accuracy (fraction) after each epoch of training."""
    network: str = ""
    """Content hash of the trained network, the name of its file of weights; empty when nothing was trained."""


def closest_of(records: Iterable[TrialRecord]) -> TrialRecord | None:
    """The infeasible design that misses the constraints by least, the first of equals; None where none says how far."""
    missed = [record for record in records if record.state is TrialState.INFEASIBLE and record.violation > 0]
    return min(missed, key=lambda record: record.violation, default=None)

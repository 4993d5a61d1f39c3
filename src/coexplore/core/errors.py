"""The errors a user can meet. Each says what is wrong, why, and what to do next.

An infeasible design is not an error: it is a result with a reason (`coexplore.objectives.Feasibility`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CoexploreError(Exception):
    """Root of all errors raised on purpose; the command line turns it into one message and exit code 2."""


class SpaceError(CoexploreError, ValueError):
    """A search space, a decision or a point of it is not legal."""


class WorkloadError(CoexploreError, ValueError):
    """A graph of ops is not legal, or a model file cannot be read as one."""


class AcceleratorError(CoexploreError, ValueError):
    """The description of an accelerator is not legal."""


class MappingError(CoexploreError, ValueError):
    """A mapping does not fit its op or its accelerator."""


class DataError(CoexploreError, ValueError):
    """A data set cannot be found, read or used."""


class EvaluationError(CoexploreError, RuntimeError):
    """One evaluation failed; the study records the reason and goes on."""


class ConfigError(CoexploreError, ValueError):
    """A study file, a setting or an option is not legal; the message begins with the path of the field."""


class StudyError(CoexploreError, RuntimeError):
    """A study cannot be started, resumed or reported."""


class StoreError(StudyError):
    """The study directory cannot be read or written, or was written by another version or config."""


class UnknownNameError(CoexploreError, KeyError):
    """A name is not registered. Carries `kind`, `name` and `known`."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        super().__init__(f"unknown {kind} {name!r}; {did_you_mean(name, self.known)}")

    def __str__(self) -> str:
        return str(self.args[0])


class MissingExtraError(CoexploreError, ImportError):
    """An optional dependency is needed and absent. Carries `extra`."""

    def __init__(self, purpose: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{purpose} needs an optional dependency; install it with: pip install 'coexplore[{extra}]'")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Half a sentence that names the nearest legal name, or all of them when none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    listing = ", ".join(names) if names else "none"
    return f"did you mean {near[0]!r}? (known: {listing})" if near else f"known: {listing}"

"""What is one thing that may vary? A name, its legal values, and the condition under which it is asked at all."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass

import numpy as np

from coexplore.core.errors import SpaceError

Value = bool | int | float | str

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SHOWN_VALUES = 12


@dataclass(frozen=True, slots=True)
class Condition:
    """Makes a decision active only where its parent is active and takes one of some values."""

    parent: str
    """Name of a decision that stands earlier in the space."""
    values: tuple[Value, ...]
    """Values of the parent, at least one."""

    def __post_init__(self) -> None:
        if not self.values:
            raise SpaceError(
                f"a condition on {self.parent!r} lists no value; it would never hold, so leave the decision out"
            )


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that may vary.

    Values are plain Python values, never NaN or infinite, all different. Booleans do not share a decision with other
    types: `True == 1` in Python, and a point must not depend on which of the two was meant.

    Raises:
        SpaceError: the name or a value is not legal; the message names the decision.
    """

    name: str
    """Letters, digits, `_`, `-`, and `.` between the names of nested spaces."""
    values: tuple[Value, ...]
    """Legal values, at least one; numbers in increasing order where `ordered`."""
    ordered: bool = False
    """Whether neighbouring values are alike (a size) or every value is as far as every other (a kind)."""
    condition: Condition | None = None
    """When the decision is active; None means always."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise SpaceError(f"decision name {self.name!r} is not legal; use letters, digits, '_', '-' and '.'")
        if not self.values:
            raise SpaceError(f"decision {self.name!r} has no values; give at least one")
        for value in self.values:
            _check_value(self.name, value)
        booleans = sum(isinstance(value, bool) for value in self.values)
        if 0 < booleans < len(self.values):
            raise SpaceError(f"decision {self.name!r} mixes booleans with other values: {self.values!r}; use one type")
        if len(set(self.values)) < len(self.values):
            raise SpaceError(f"decision {self.name!r} lists a value twice: {self.values!r}")
        if self.ordered:
            _check_increasing(self)

    def index_of(self, value: object) -> int:
        """Position of a value among the legal ones; 2 and 2.0 are the same value, 1 and True are not.

        Raises:
            SpaceError: the value is not legal; the message lists the legal ones.
        """
        boolean = isinstance(value, bool | np.bool_)
        for index, own in enumerate(self.values):
            if isinstance(own, bool) is boolean and own == value:
                return index
        raise SpaceError(f"decision {self.name!r} cannot be {value!r}; legal are {self.legal}")

    @property
    def legal(self) -> str:
        """The legal values in words, shortened when there are many."""
        if len(self.values) <= _SHOWN_VALUES:
            return ", ".join(repr(value) for value in self.values)
        first = ", ".join(repr(value) for value in self.values[: _SHOWN_VALUES - 2])
        return f"{first}, ... {self.values[-1]!r} ({len(self.values)} values)"


def _check_value(name: str, value: object) -> None:
    if type(value) not in (bool, int, float, str):
        raise SpaceError(
            f"decision {name!r} has the value {value!r} of type {type(value).__name__}; use bool, int, float or str"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise SpaceError(f"decision {name!r} has the value {value!r}; numbers must be finite")


def _check_increasing(decision: Decision) -> None:
    numbers = [value for value in decision.values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(decision.values):
        raise SpaceError(f"decision {decision.name!r} is ordered, so its values must be numbers: {decision.values!r}")
    if any(low >= high for low, high in itertools.pairwise(numbers)):
        raise SpaceError(f"decision {decision.name!r} is ordered, so its values must increase: {decision.values!r}")

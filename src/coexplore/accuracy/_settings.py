"""Are the numbers in these settings legal?"""

from __future__ import annotations

import math

from coexplore.core.errors import ConfigError

MAX_SEED = 2**63 - 1
"""Largest seed that NumPy and torch both take."""


def check_whole(field: str, value: int, low: int, high: int) -> None:
    """Check that a setting is a whole number from `low` to `high`.

    Raises:
        ConfigError: naming the field.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(f"{field} is {value!r}; give a whole number from {low} to {high}")


def check_real(field: str, value: float, low: float, high: float = math.inf) -> None:
    """Check that a setting is a finite number from `low` to `high`.

    Raises:
        ConfigError: naming the field.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ConfigError(f"{field} is {value!r}; give a finite number")
    if not low <= value <= high:
        limits = f"of at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise ConfigError(f"{field} is {value!r}; give a number {limits}")

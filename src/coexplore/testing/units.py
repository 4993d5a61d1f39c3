"""Which physical dimension has a quantity? Read off the end of its name; and what a change of units does to a value.

A law about units: whoever measures time in other seconds, energy in other joules, area in other square millimetres and
data in other bits gets the same hardware, and the same costs in those units.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Dimension = tuple[int, int, int, int]
"""Powers of time, energy, area and data; counts of cycles, operations or instances have none."""

NONE: Dimension = (0, 0, 0, 0)
DIMENSIONS: dict[str, Dimension] = {
    "_macs_per_s": (-1, 0, 0, 0),
    "_bytes_per_cycle": (0, 0, 0, 1),
    "_operations_per_cycle": NONE,
    "_mm2_per_gb_s": (1, 0, 1, -1),
    "_per_s": (-1, 0, 0, 0),
    "_gb_s": (-1, 0, 0, 1),
    "_j_per_bit": (0, 1, 0, -1),
    "_pj_per_bit": (0, 1, 0, -1),
    "_js": (1, 1, 0, 0),
    "_j": (0, 1, 0, 0),
    "_pj": (0, 1, 0, 0),
    "_s": (1, 0, 0, 0),
    "_hz": (-1, 0, 0, 0),
    "_w": (-1, 1, 0, 0),
    "_uw": (-1, 1, 0, 0),
    "_mm2": (0, 0, 1, 0),
    "_um2": (0, 0, 1, 0),
    "_bits": (0, 0, 0, 1),
    "_bytes": (0, 0, 0, 1),
    "_kib": (0, 0, 0, 1),
    "_kb": (0, 0, 0, 1),
    "_mb": (0, 0, 0, 1),
    "_cycles": NONE,
    "_energy_by": (0, 1, 0, 0),
    "_stall_by": NONE,
    "_utilisation": NONE,
    "_share": NONE,
    "_macs": NONE,
    "_parameters": NONE,
    "_gops_per_w": (0, -1, 0, 0),
    "_devices": NONE,
    "_hardware_cost": NONE,
}
"""By the end of a name; an underscore is put before the name, so that `bits` ends in `_bits`."""


def dimension_of(name: str) -> Dimension | None:
    """The dimension of the longest end of a name that is known, None where none is."""
    ends = [end for end in DIMENSIONS if f"_{name}".endswith(end)]
    return DIMENSIONS[max(ends, key=len)] if ends else None


def rescaled(value: T, units: Dimension, name: str = "") -> T:
    """A value as it reads in other units.

    Args:
        value: a number, or tuples, mappings and dataclasses of numbers; what has no known dimension is left as it is.
        units: how many new units make up an old one, for time, energy, area and data, as powers of two.
        name: of the value.
    """
    result: Any = value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: rescaled(getattr(value, f.name), units, f.name) for f in dataclasses.fields(value)}
        result = dataclasses.replace(value, **changes)
    elif isinstance(value, tuple):
        result = tuple(rescaled(entry, units, name) for entry in value)
    elif isinstance(value, Mapping):
        result = {key: rescaled(entry, units, str(key)) for key, entry in value.items()}
    elif isinstance(value, int | float) and not isinstance(value, bool):
        exponent = sum(a * b for a, b in zip(dimension_of(name) or NONE, units, strict=True))
        scaled = value * 2.0**exponent
        result = int(scaled) if isinstance(value, int) else scaled
    return result  # type: ignore[no-any-return]  # of the kind that came in

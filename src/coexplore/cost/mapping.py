"""Mapping: how the loops of one op are tiled, ordered and unrolled over one accelerator. A value, checked here.

Loops of a level run outermost first over sub-tiles of what the level holds. Factors may overrun a dimension: iterations
outside it are skipped and tiles at its edge are smaller, so any factors whose product covers the op are legal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from coexplore.accelerators.accelerator import DIMS, Accelerator, Dim
from coexplore.core.errors import MappingError
from coexplore.workloads.op import Loops

MOST_OVERRUN = 2**16
"""Factors that multiply to more must not exceed a dimension 64 times: they need no room, only time to count."""


@dataclass(frozen=True, slots=True)
class Loop:
    """`factor` iterations (temporal) or instances (spatial) along one dimension."""

    dim: Dim
    factor: int


@dataclass(frozen=True, slots=True)
class SpatialLoop:
    """A dimension unrolled over a named axis of the accelerator."""

    axis: str
    dim: Dim
    factor: int


@dataclass(frozen=True, slots=True)
class LevelMapping:
    """What happens at one memory level: its temporal loops, and the unrolling over the fan-out below it."""

    temporal: tuple[Loop, ...] = ()
    spatial: tuple[SpatialLoop, ...] = ()

    @property
    def loops(self) -> tuple[Loop | SpatialLoop, ...]:
        """All loops of the level."""
        return (*self.temporal, *self.spatial)


@dataclass(frozen=True, slots=True)
class Mapping:
    """One entry per memory level, outermost first."""

    levels: tuple[LevelMapping, ...]

    def factors(self, dim: Dim) -> int:
        """Product of all factors along a dimension."""
        return math.prod(loop.factor for level in self.levels for loop in level.loops if loop.dim is dim)

    def document(self) -> list[dict[str, object]]:
        """Nested lists and dicts, for JSON."""
        return [
            {
                "temporal": [[loop.dim.value, loop.factor] for loop in level.temporal],
                "spatial": [[loop.axis, loop.dim.value, loop.factor] for loop in level.spatial],
            }
            for level in self.levels
        ]


def mapping_from_document(document: object) -> Mapping:
    """The inverse of `Mapping.document`.

    Raises:
        MappingError: not of that form.
    """
    try:
        levels = tuple(_level(entry) for entry in _items(document))
    except (KeyError, TypeError, ValueError) as error:
        raise MappingError(f"not a mapping document: {error}") from error
    return Mapping(levels)


def _items(value: object) -> Iterable[object]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, found {type(value).__name__}")
    return value


def _level(entry: object) -> LevelMapping:
    if not isinstance(entry, dict):
        raise TypeError(f"expected a mapping with temporal and spatial, found {type(entry).__name__}")
    return LevelMapping(
        tuple(Loop(Dim(dim), int(factor)) for dim, factor in entry["temporal"]),
        tuple(SpatialLoop(str(axis), Dim(dim), int(factor)) for axis, dim, factor in entry["spatial"]),
    )


def check_mapping(loops: Loops, accelerator: Accelerator, mapping: Mapping) -> None:
    """Refuse a mapping that does not fit the op or the array. Capacity is not judged here: it is a cost result.

    Raises:
        MappingError: names the dimension, level or axis, and the factor.
    """
    if len(mapping.levels) != len(accelerator.levels):
        raise MappingError(
            f"mapping has {len(mapping.levels)} levels, accelerator {accelerator.name!r} has {len(accelerator.levels)}"
        )
    for level, entry in zip(accelerator.levels, mapping.levels, strict=True):
        for loop in entry.loops:
            if not isinstance(loop.factor, int) or loop.factor < 1:
                raise MappingError(f"level {level.name!r}: a factor is {loop.factor!r}, not a whole number from 1 on")
    for dim in DIMS:
        size = int(getattr(loops, dim.value))
        if mapping.factors(dim) < size:
            raise MappingError(
                f"factors of {dim.value} multiply to {mapping.factors(dim)} and do not cover its {size} iterations"
            )
        if mapping.factors(dim) > max(MOST_OVERRUN, 64 * size):
            raise MappingError(
                f"factors of {dim.value} multiply to {mapping.factors(dim)}, far more than its {size} iterations; "
                "use smaller factors"
            )
    for level, entry in zip(accelerator.levels, mapping.levels, strict=True):
        axes = {axis.name: axis for axis in level.fanout}
        for loop in entry.spatial:
            if loop.axis not in axes:
                raise MappingError(f"level {level.name!r} has no axis {loop.axis!r}; it has {sorted(axes)}")
            if loop.factor > 1 and loop.dim not in axes[loop.axis].dims:
                legal = ", ".join(dim.value for dim in axes[loop.axis].dims)
                raise MappingError(f"axis {loop.axis!r} cannot unroll {loop.dim.value}; it takes {legal}")
        for name, axis in axes.items():
            used = math.prod(loop.factor for loop in entry.spatial if loop.axis == name)
            if used > axis.size:
                raise MappingError(f"axis {name!r} has {axis.size} instances, the mapping unrolls {used}")

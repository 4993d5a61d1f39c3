"""In what do many accelerators differ, and in what not? Arrays over accelerators, each level looked at only once.

Accelerators of a space share their levels as objects: what follows from a level is found out once per object. Where
they share none, the outcome is the same, only later.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator, MemoryLevel
from coexplore.cost.nest import Floats, Ints, capacity_bits, port_widths

Part = TypeVar("Part")
Result = TypeVar("Result")


class Sizes(NamedTuple):
    """In what accelerators `v` differ whose levels and axes are of the same kinds, to the last bit as in `Machine`."""

    axis_size: Ints
    """(v, a)"""
    capacity_bits: Ints
    """(v, l)"""
    widths: Floats
    """(v, l, 2) Bits per cycle, read and written."""
    joules: Floats
    """(v, l, 2) Per bit, read and written."""
    static_j_per_cycle: Floats
    """(v,)"""


def per_object(function: Callable[[Part], Result]) -> Callable[[Part], Result]:
    """A function that is called once per object, for as long as the caller keeps all its arguments alive."""
    known: dict[int, Result] = {}

    def remembered(part: Part) -> Result:
        key = id(part)
        if key not in known:
            known[key] = function(part)
        return known[key]

    return remembered


def structures(accelerators: Sequence[Accelerator]) -> Ints:
    """(v,) Accelerators that differ in sizes, widths and energies alone share a number."""
    numbers: dict[object, int] = {}
    kinds: dict[object, int] = {}

    def number_of(level: MemoryLevel) -> int:
        return kinds.setdefault(_structure(level), len(kinds))

    kind_of = per_object(number_of)
    keys = ((v.mac.bits, v.mac.energy_j, *map(kind_of, v.levels)) for v in accelerators)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def _structure(level: MemoryLevel) -> tuple[object, ...]:
    axes = tuple((frozenset(axis.dims), axis.multicast, axis.hop_cycles) for axis in level.fanout)
    return frozenset(level.keeps), level.double_buffered, level.word_bits, level.block_bits, axes


def sizes_of(accelerators: Sequence[Accelerator]) -> Sizes:
    """The sizes of accelerators of one structure."""
    columns = [_by_object(column) for column in zip(*(v.levels for v in accelerators), strict=True)]

    def gather(function: Callable[[MemoryLevel], object], dtype: type) -> list[NDArray[Any]]:
        return [np.array([function(level) for level in levels], dtype)[which] for levels, which in columns]

    axis_size = gather(lambda level: [axis.size for axis in level.fanout], np.int64)
    instances = np.cumprod([np.ones(len(accelerators), np.int64), *(size.prod(axis=1) for size in axis_size)], axis=0)
    leakage = np.stack(gather(lambda level: level.leakage_w, np.float64), axis=1) * instances[:-1].T
    macs_w = np.array([v.mac.leakage_w for v in accelerators]) * instances[-1]
    watts = np.array([math.fsum(row) for row in leakage.tolist()]) + macs_w
    return Sizes(
        np.concatenate(axis_size, axis=1),
        np.stack(gather(capacity_bits, np.int64), axis=1),
        np.stack(gather(port_widths, np.float64), axis=1),
        np.stack(gather(lambda level: (level.read_j_per_bit, level.write_j_per_bit), np.float64), axis=1),
        watts / np.array([v.clock_hz for v in accelerators]),
    )


def _by_object(parts: Sequence[Part]) -> tuple[list[Part], Ints]:
    """The distinct objects, and for each part which one it is."""
    objects = {id(part): part for part in parts}
    place = {key: number for number, key in enumerate(objects)}
    return list(objects.values()), np.array([place[id(part)] for part in parts], np.int64)

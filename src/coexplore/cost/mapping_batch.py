"""Many mappings of one op as arrays: how they are stored, packed, unpacked and drawn at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import DIMS, Accelerator, Dim
from coexplore.core.errors import MappingError
from coexplore.cost._batch import LANES, Factors, Positions
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop, check_mapping
from coexplore.cost.nest import DIM_INDEX, Ints
from coexplore.workloads.op import Loops

LARGEST_FACTOR = 2**31 - 1
Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, slots=True)
class MappingBatch:
    """Mappings of one op on one accelerator, in blocks (b) of `LANES` lanes (m); lanes past `size` are idle.

    Each level has at most one loop per dimension; rows of dimensions are N G K C P Q R S.

    Raises:
        MappingError: shapes differ, a factor is smaller than 1, or positions are missing or taken twice.
    """

    size: int
    """Number of mappings; mapping i is lane i % LANES of block i // LANES."""
    temporal: Factors
    """(b, levels, 8, m) Factors; the innermost level first, as it is read first."""
    order: Positions
    """(b, levels, 8, m) Position of a dimension's loop in its level, outermost 1; 0 where the factor is 1."""
    spatial: Factors
    """(b, axes, 8, m) Factors, the innermost axis first. On one axis N is outermost and S innermost."""

    def __post_init__(self) -> None:
        blocks, levels = self.temporal.shape[:2]
        shape, axes = (blocks, levels, 8, LANES), self.spatial.shape[1:2]
        if self.temporal.shape != shape or self.order.shape != shape or self.spatial.shape != (blocks, *axes, 8, LANES):
            raise MappingError(
                f"arrays of a batch differ in shape: temporal {self.temporal.shape}, order {self.order.shape}, "
                f"spatial {self.spatial.shape}; the last two extents are 8 and {LANES}"
            )
        if not blocks * LANES - LANES < self.size <= blocks * LANES:
            raise MappingError(f"size is {self.size}; {blocks} blocks hold {blocks * LANES} mappings")
        if np.any(self.temporal < 1) or np.any(self.spatial < 1):
            raise MappingError("a factor is smaller than 1")
        if np.any((self.order == 0) != (self.temporal == 1)) or np.any(self.order > 8):
            raise MappingError("order is 1 to 8 for a loop, and 0 where the factor is 1; some entry is not")
        taken = np.left_shift(1, self.order, dtype=np.int32)
        if np.any(np.bitwise_or.reduce(taken & ~1, axis=2) != np.add.reduce(taken & ~1, axis=2)):
            raise MappingError("two loops of a level have the same position in order")


def pack(loops: Loops, accelerator: Accelerator, mappings: Sequence[Mapping]) -> MappingBatch:
    """Mappings as a batch; neighbouring loops of one dimension become one loop.

    Raises:
        MappingError: illegal, or a form that a batch has no room for: replay such a mapping alone.
    """
    axes = [axis.name for level in accelerator.levels for axis in level.fanout]
    temporal = np.ones((len(mappings), len(accelerator.levels), 8), np.int64)
    order = np.ones_like(temporal)
    spatial = np.ones((len(mappings), len(axes), 8), np.int64)
    for m, mapping in enumerate(mappings):
        check_mapping(loops, accelerator, mapping)
        for n, entry in enumerate(mapping.levels):
            dims = _pack_level(n, entry, temporal[m, n])
            order[m, n] = [1 + dims.index(dim) for dim in DIMS]
        _pack_spatial(mapping, axes, loops, spatial[m])
    return in_blocks(temporal, order, spatial)


def in_blocks(temporal: Ints, order: Ints, spatial: Ints) -> MappingBatch:
    """A batch from (m, levels, 8), (m, levels, 8) and (m, axes, 8), outermost first.

    Factors take 16 bits where they can: reading the batch is what a core waits for.
    """
    position = _in_lanes(np.where(temporal == 1, 0, order).astype(np.uint8))
    factors, unrolled = _in_lanes(temporal), _in_lanes(spatial)
    if max(factors.max(initial=1), unrolled.max(initial=1)) < 2**16:
        return MappingBatch(len(temporal), factors.astype(np.uint16), position, unrolled.astype(np.uint16))
    return MappingBatch(len(temporal), factors.astype(np.int32), position, unrolled.astype(np.int32))


def _in_lanes(array: NDArray[Number]) -> NDArray[Number]:
    """(m, rows, 8) to (blocks, rows, 8, LANES), rows reversed; idle lanes repeat the last mapping."""
    size, rows, dims = array.shape
    blocks = -(-size // LANES)
    padded = array[np.minimum(np.arange(blocks * LANES), size - 1), ::-1]
    return np.ascontiguousarray(padded.reshape(blocks, LANES, rows, dims).transpose(0, 2, 3, 1))


def _pack_level(n: int, entry: LevelMapping, temporal: Ints) -> list[Dim]:
    """Fill the factors of a level; returns all dimensions in the order of their loops."""
    dims: list[Dim] = []
    for loop in entry.temporal:
        if loop.factor == 1:
            continue
        if loop.dim in dims[:-1]:
            raise MappingError(f"level {n} has two separate loops over {loop.dim.value}; replay this mapping alone")
        at = DIM_INDEX[loop.dim]
        if int(temporal[at]) * loop.factor > LARGEST_FACTOR:
            raise MappingError(f"level {n}: the factor of {loop.dim.value} exceeds {LARGEST_FACTOR}")
        temporal[at] *= loop.factor
        if loop.dim not in dims:
            dims.append(loop.dim)
    return dims + [dim for dim in DIMS if dim not in dims]


def _pack_spatial(mapping: Mapping, axes: list[str], loops: Loops, spatial: Ints) -> None:
    """Fill the unrollings. Their order within a level matters only where factors do not divide."""
    for entry in mapping.levels:
        last: dict[Dim, int] = {}
        for loop in entry.spatial:
            if loop.factor == 1:
                continue
            at = axes.index(loop.axis)
            if at < last.get(loop.dim, 0) and mapping.factors(loop.dim) != getattr(loops, loop.dim.value):
                raise MappingError(
                    f"unrollings of {loop.dim.value} are not in the order of the axes; replay this mapping alone"
                )
            last[loop.dim] = at
            spatial[at, DIM_INDEX[loop.dim]] *= loop.factor


def unpack(accelerator: Accelerator, batch: MappingBatch, index: int) -> Mapping:
    """One mapping of a batch."""
    block, lane = divmod(index, LANES)
    temporal_rows, order_rows = batch.temporal[block, ::-1, :, lane], batch.order[block, ::-1, :, lane]
    spatial_rows = batch.spatial[block, ::-1, :, lane]
    axis, levels = 0, []
    for n, level in enumerate(accelerator.levels):
        factors, order = temporal_rows[n], np.argsort(order_rows[n])
        temporal = tuple(Loop(DIMS[d], int(factors[d])) for d in order if factors[d] != 1)
        spatial = []
        for number, fanout in enumerate(level.fanout, axis):
            factors = spatial_rows[number]
            spatial += [SpatialLoop(fanout.name, DIMS[d], int(factors[d])) for d in range(8) if factors[d] != 1]
        axis += len(level.fanout)
        levels.append(LevelMapping(temporal, tuple(spatial)))
    return Mapping(tuple(levels))


def random_batch(loops: Loops, accelerator: Accelerator, mappings: int, seed: int) -> MappingBatch:
    """Unrelated perfect mappings: each prime factor of the op goes to a random level or axis; orders are random."""
    generator = np.random.default_rng(seed)
    axes = [axis for level in accelerator.levels for axis in level.fanout]
    levels, rows = len(accelerator.levels), np.arange(mappings)
    temporal = np.ones((mappings, levels, 8), np.int64)
    spatial = np.ones((mappings, len(axes), 8), np.int64)
    primes = [(d, prime) for d, dim in enumerate(DIMS) for prime in prime_factors(getattr(loops, dim.value))]
    for index in generator.permutation(len(primes)):
        d, prime = primes[index]
        legal = [number for number, axis in enumerate(axes) if DIMS[d] in axis.dims]
        choice = generator.integers(0, levels + len(legal), mappings)
        for place, number in enumerate(legal, levels):
            fits = (choice == place) & (spatial[:, number].prod(axis=1) * prime <= axes[number].size)
            spatial[fits, number, d] *= prime
            choice[fits] = -1
        left = choice >= 0
        temporal[rows[left], choice[left] % levels, d] *= prime
    order = 1 + np.argsort(generator.random(temporal.shape), axis=2)
    return in_blocks(temporal, order, spatial)


def prime_factors(size: int) -> list[int]:
    """Prime factors with their multiplicity, ascending."""
    found, divisor = [], 2
    while divisor <= math.isqrt(size):
        while size % divisor == 0:
            found.append(divisor)
            size //= divisor
        divisor += 1
    return found + [size] * (size > 1)

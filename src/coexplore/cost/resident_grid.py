"""What does one workload cost on every accelerator when tensors may stay on chip? As `price`, for all at once.

Axis: `a` accelerators. Which tensors stay depends on the size and the words of the memories that can hold them alone,
so accelerators fall into few groups; within a group every op has the same operands on chip and is priced once for all.
Every total equals that of `coexplore.cost.model.price` under the same residency to the last bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import OPERANDS, Accelerator
from coexplore.cost.grid import price_grid
from coexplore.cost.kept import Kept, instances, pool_bits, pool_of
from coexplore.cost.mapper import Goal
from coexplore.cost.residency import Residency, keep, with_residents
from coexplore.cost.totals import exact_totals
from coexplore.cost.vector import FREE, Traffic, operations_of, rides_along, stored_bits, traffic_by_level
from coexplore.cost.workload_grid import WorkloadGrid, distinct_ops
from coexplore.workloads.graph import Workload
from coexplore.workloads.loops import Loops

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Pools = tuple[tuple[int | None, float, int], ...]
"""For each operand the number of the level that can hold it, the bits of all its instances, and those of its words."""


@dataclass(frozen=True, slots=True)
class VectorWork:
    """What an op of the vector unit does on every accelerator of a group."""

    operations: int
    traffic: tuple[tuple[int, Traffic], ...]
    """By number of the memory level; what an op that rides along reads counts as input from main memory."""
    rides_along: bool


def price_resident_grid(
    workload: Workload,
    accelerators: Sequence[Accelerator],
    residency: Residency,
    goal: Goal = Goal.EDP,
    threads: int = 1,
) -> WorkloadGrid:
    """Price a workload on every accelerator, each op under its best mapping.

    Args:
        workload: what runs.
        accelerators: where.
        residency: which tensors stay on chip between ops.
        goal: what every mapping minimises.
        threads: as for `price_grid`.

    Raises:
        ConfigError: as `price_grid`.
    """
    count = len(accelerators)
    latency, energy = np.empty(count), np.empty(count)
    blocked = np.zeros((len(distinct_ops(workload)), count), np.bool_)
    for kept, columns in _groups(workload, accelerators, residency):
        some = [accelerators[column] for column in columns]
        latency[columns], energy[columns], blocked[:, columns] = _price_group(workload, some, kept, goal, threads)
    return WorkloadGrid(
        latency_s=latency,
        energy_j=energy,
        area_mm2=np.array([accelerator.area_mm2 for accelerator in accelerators], np.float64),
        peak_macs_per_s=np.array([a.macs_per_cycle * a.clock_hz for a in accelerators], np.float64),
        blocked=blocked,
    )


def _groups(
    workload: Workload, accelerators: Sequence[Accelerator], residency: Residency
) -> Iterator[tuple[Kept, Ints]]:
    """Columns of accelerators that keep the same in levels of the same number."""
    by_pools: dict[Pools, list[int]] = {}
    for column, accelerator in enumerate(accelerators):
        by_pools.setdefault(pools_of(accelerator), []).append(column)
    groups: dict[tuple[Kept, tuple[int | None, ...]], list[int]] = {}
    for pools, columns in by_pools.items():
        kept = keep(workload, accelerators[columns[0]], residency)
        groups.setdefault((kept, tuple(number for number, _, _ in pools)), []).extend(columns)
    for (kept, _), columns in groups.items():
        yield kept, np.array(sorted(columns), np.int64)


def pools_of(accelerator: Accelerator) -> Pools:
    """The memories that can hold each operand of a network."""
    numbers = [pool_of(accelerator, operand) for operand in OPERANDS]
    return tuple(
        (None, 0.0, 1) if n is None else (n, pool_bits(accelerator, n), accelerator.levels[n].word_bits)
        for n in numbers
    )


def _price_group(
    workload: Workload, accelerators: Sequence[Accelerator], kept: Kept, goal: Goal, threads: int
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    nests = [(loops, with_residents(op, loops, kept)) for op, loops in workload.mac_ops()]
    times = Counter(variant for _, variant in nests)
    grid = price_grid(list(times), accelerators, goal, threads)
    vector = Counter(
        vector_work(workload, op.name, accelerators[0], kept)
        for op in workload.ops
        if workload.loops(op) is None and not isinstance(op, FREE)
    )
    rows = price_vector_work(list(vector), accelerators)
    counts = np.array([[*times.values(), *vector.values()]], np.int64)
    latency, energy = (
        exact_totals(counts, np.vstack(pair))[0] for pair in zip((grid.latency_s, grid.energy_j), rows, strict=True)
    )
    place = {variant: row for row, variant in enumerate(times)}
    variants: dict[Loops, list[int]] = {}
    for loops, variant in nests:
        variants.setdefault(loops, []).append(place[variant])
    infinite = np.isinf(grid.latency_s)
    return latency, energy, np.array([infinite[found].any(axis=0) for found in variants.values()])


def vector_work(workload: Workload, name: str, accelerator: Accelerator, kept: Kept) -> VectorWork:
    """What an op of the vector unit does on all accelerators that keep the same in levels of the same number."""
    op = workload.producers[name]
    operations = operations_of(workload, op)
    if rides_along(workload, op):
        return VectorWork(operations, ((0, Traffic(inputs=(stored_bits(workload, op),))),), True)
    return VectorWork(operations, tuple(traffic_by_level(op, workload, accelerator, kept).items()), False)


def price_vector_work(works: Sequence[VectorWork], accelerators: Sequence[Accelerator]) -> tuple[Floats, Floats]:
    """Seconds and joules, each (v, a), of work on accelerators that keep the same in levels of the same number."""
    table = _Levels(accelerators)
    latency, energy = (np.zeros((len(works), len(accelerators))) for _ in range(2))
    for row, work in enumerate(works):
        latency[row], energy[row] = table.price(work)
    return latency, energy


class _Levels:
    """What vector ops read of accelerators, each (a,)."""

    def __init__(self, accelerators: Sequence[Accelerator]) -> None:
        self.accelerators = accelerators
        rows = [(a.vector.operations_per_cycle, a.vector.energy_j, a.clock_hz, a.leakage_w) for a in accelerators]
        self.per_cycle, self.operation_j, self.clock_hz, self.leakage_w = np.array(rows, np.float64).T

    def price(self, work: VectorWork) -> tuple[Floats, Floats]:
        """Seconds and joules, each (a,), by the operations of `price_vector_op` in their order."""
        cycles = work.operations / self.per_cycle
        terms = [work.operations * self.operation_j]
        for number, traffic in work.traffic:
            read_j, write_j, read_width, write_width, copies = self._level(number)
            read = traffic.weight + traffic.input
            shared = (read + traffic.output) / (8 * read_width)
            apart = np.maximum(read / (8 * read_width), traffic.output / (8 * write_width))
            port = np.where(np.isnan(read_width), 0.0, np.where(np.isnan(write_width), shared, apart))
            cycles = np.maximum(cycles, port / copies)
            terms += [traffic.weight * read_j, traffic.input * read_j, traffic.output * write_j]
        if work.rides_along:
            cycles = np.zeros_like(cycles)
        latency = cycles / self.clock_hz
        terms.append(latency * self.leakage_w)
        return latency, exact_totals(np.ones((1, len(terms)), np.int64), np.array(terms))[0]

    def _level(self, number: int) -> Floats:
        """(5, a) Energies, widths (nan where there is no such port) and instances of a level."""
        rows = []
        for accelerator in self.accelerators:
            level = accelerator.levels[number]
            widths = (level.read_bytes_per_cycle, level.write_bytes_per_cycle)
            rows.append(
                (
                    level.read_j_per_bit, level.write_j_per_bit,
                    *(np.nan if width is None else width for width in widths), instances(accelerator, number),
                )
            )  # fmt: skip
        return np.array(rows, np.float64).T

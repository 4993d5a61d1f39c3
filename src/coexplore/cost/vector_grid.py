"""What do the ops without multiply-accumulate loops cost on many accelerators? `coexplore.cost.vector`, in arrays.

Axes: `v` distinct ops, `a` accelerators. Every entry equals what `price_vector_op` gives to the last bit: the same
operations in the same order, and energies that are sums rounded once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost.totals import exact_totals
from coexplore.cost.vector import FREE, Traffic, operations_of, rides_along, stored_bits, traffic_of
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Op

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class VectorWork:
    """What an op of the vector unit does on any accelerator."""

    operations: int
    traffic: Traffic | None
    """With main memory; None: the op rides along with the op before it."""
    stored_bits: int
    """Of stored arrays, read by an op that rides along."""


@dataclass(frozen=True, slots=True, eq=False)
class VectorGrid:
    """Prices of the vector ops of a workload."""

    counts: Ints
    """(v,) How often the workload has each."""
    latency_s: Floats
    """(v, a)"""
    energy_j: Floats
    """(v, a)"""


def vector_work(workload: Workload) -> Counter[VectorWork]:
    """The work of all ops that are not free and have no multiply-accumulate loops, and how often each occurs."""
    return Counter(
        _work_of(workload, op) for op in workload.ops if workload.loops(op) is None and not isinstance(op, FREE)
    )


def price_vector_ops(workload: Workload, accelerators: Sequence[Accelerator]) -> VectorGrid:
    """Price every distinct vector op of a workload on every accelerator."""
    found = vector_work(workload)
    return VectorGrid(np.array(list(found.values()), np.int64), *price_vector_work(list(found), accelerators))


def price_vector_work(works: Sequence[VectorWork], accelerators: Sequence[Accelerator]) -> tuple[Floats, Floats]:
    """Seconds and joules, each (v, a), of work on every accelerator."""
    table = _Machines(accelerators)
    latency, energy = (np.zeros((len(works), len(accelerators))) for _ in range(2))
    for row, work in enumerate(works):
        latency[row], energy[row] = table.price(work)
    return latency, energy


def _work_of(workload: Workload, op: Op) -> VectorWork:
    operations = operations_of(workload, op)
    if rides_along(workload, op):
        return VectorWork(operations, None, stored_bits(workload, op))
    return VectorWork(operations, traffic_of(op, workload), 0)


class _Machines:
    """What vector ops read of accelerators, each (a,); widths are nan where there is no such port."""

    def __init__(self, accelerators: Sequence[Accelerator]) -> None:
        rows = [
            (
                a.vector.operations_per_cycle, a.vector.energy_j, a.clock_hz, a.leakage_w,
                a.levels[0].read_j_per_bit, a.levels[0].write_j_per_bit,
                _width(a.levels[0].read_bytes_per_cycle), _width(a.levels[0].write_bytes_per_cycle),
            )
            for a in accelerators
        ]  # fmt: skip
        columns = np.array(rows, np.float64).reshape(len(accelerators), 8).T
        self.per_cycle, self.operation_j, self.clock_hz, self.leakage_w = columns[:4]
        self.read_j, self.write_j, self.read_width, self.write_width = columns[4:]

    def price(self, work: VectorWork) -> tuple[Floats, Floats]:
        """Seconds and joules, each (a,)."""
        operations_j = work.operations * self.operation_j
        if work.traffic is None:
            return np.zeros(len(operations_j)), work.stored_bits * self.read_j + operations_j
        cycles = np.maximum(work.operations / self.per_cycle, self._port_cycles(work.traffic))
        latency = cycles / self.clock_hz
        moved = work.traffic
        terms = (
            moved.weight * self.read_j, moved.input * self.read_j, moved.output * self.write_j, operations_j,
            latency * self.leakage_w,
        )  # fmt: skip
        return latency, exact_totals(np.ones((1, len(terms)), np.int64), np.array(terms))[0]

    def _port_cycles(self, traffic: Traffic) -> Floats:
        read = traffic.weight + traffic.input
        shared = (read + traffic.output) / (8 * self.read_width)
        apart = np.maximum(read / (8 * self.read_width), traffic.output / (8 * self.write_width))
        return np.where(np.isnan(self.read_width), 0.0, np.where(np.isnan(self.write_width), shared, apart))


def _width(bytes_per_cycle: float | None) -> float:
    return np.nan if bytes_per_cycle is None else bytes_per_cycle

"""What does an op of the vector unit cost on every accelerator? `price_vector_op` for all of them at once.

Axes: `a` accelerators. Every entry equals that of `coexplore.cost.vector.price_vector_op` to the last bit.
"""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class VectorWork:
    """All of an op of the vector unit that its cost depends on."""

    operations: int
    traffic: Traffic
    fused: bool
    """Rides along with the op before it and takes no time of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class VectorUnits:
    """All of some accelerators that the cost of such ops depends on, each (a,)."""

    read_j_per_bit: Floats
    write_j_per_bit: Floats
    read_bytes_per_cycle: Floats
    """Of main memory; +inf is unlimited."""
    write_bytes_per_cycle: Floats
    """+inf is unlimited, nan where reads and writes share a port."""
    operations_per_cycle: Floats
    operation_j: Floats
    clock_hz: Floats
    leakage_w: Floats


def vector_work(workload: Workload, op: Op) -> VectorWork | None:
    """What an op without multiply-accumulate loops does; None where it costs nothing."""
    if isinstance(op, FREE):
        return None
    operations = operations_of(workload, op)
    if rides_along(workload, op):
        return VectorWork(operations, Traffic(0, stored_bits(workload, op), 0), True)
    return VectorWork(operations, traffic_of(op, workload), False)


def vector_units(accelerators: Sequence[Accelerator]) -> VectorUnits:
    """Main memories, vector units and leakages side by side."""
    memories = [accelerator.levels[0] for accelerator in accelerators]
    units = [accelerator.vector for accelerator in accelerators]
    wide = [np.inf if m.read_bytes_per_cycle is None else m.read_bytes_per_cycle for m in memories]
    shared = [np.nan if m.write_bytes_per_cycle is None else m.write_bytes_per_cycle for m in memories]
    rows = (
        [memory.read_j_per_bit for memory in memories],
        [memory.write_j_per_bit for memory in memories],
        wide,
        shared,
        [unit.operations_per_cycle for unit in units],
        [unit.energy_j for unit in units],
        [accelerator.clock_hz for accelerator in accelerators],
        [accelerator.leakage_w for accelerator in accelerators],
    )
    return VectorUnits(*(np.array(row, np.float64) for row in rows))


def vector_row(work: VectorWork, units: VectorUnits) -> tuple[Floats, Floats]:
    """Seconds and joules of an op on every accelerator, each (a,)."""
    traffic, operations = work.traffic, float(work.operations)
    compute = operations / units.operations_per_cycle
    total = np.zeros_like(compute) if work.fused else np.maximum(compute, _port_cycles(traffic, units))
    latency = total / units.clock_hz
    terms = np.stack(
        [
            traffic.weight * units.read_j_per_bit,
            traffic.input * units.read_j_per_bit,
            traffic.output * units.write_j_per_bit,
            operations * units.operation_j,
            latency * units.leakage_w,
        ]
    )
    return latency, exact_totals(np.ones((1, len(terms)), np.int64), terms)[0]


def _port_cycles(traffic: Traffic, units: VectorUnits) -> Floats:
    read = traffic.weight + traffic.input
    shared = (read + traffic.output) / (8 * units.read_bytes_per_cycle)
    alone = np.maximum(read / (8 * units.read_bytes_per_cycle), traffic.output / (8 * units.write_bytes_per_cycle))
    return np.where(np.isnan(units.write_bytes_per_cycle), shared, alone)

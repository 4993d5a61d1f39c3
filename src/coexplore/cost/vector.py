"""What ops without multiply-accumulate loops cost: traffic with main memory, and operations of the vector unit.

An activation or batch normalisation that is the only reader of another op rides along with that op's outputs on their
way to memory and moves nothing itself. Views (reshape, transpose) are patterns of addresses and cost nothing.
Everything else reads its inputs from main memory and writes its output there, overlapped with the vector unit's work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from coexplore.accelerators.accelerator import Accelerator
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import (
    BatchNorm,
    Constant,
    Elementwise,
    GlobalAveragePool,
    LayerNorm,
    Op,
    Pool2d,
    Reshape,
    Softmax,
    Transpose,
)

FREE = (Reshape, Transpose, Constant)
NORMALISATION_OPERATIONS = 4
"""Per element: mean, variance, scale, shift."""
SOFTMAX_OPERATIONS = 4
"""Per element: maximum, exponential, sum, division."""


@dataclass(frozen=True, slots=True)
class VectorCost:
    """Cycles and joules of one op of the vector unit."""

    operations: int
    compute_cycles: float
    total_cycles: float
    bound: str
    energy_by: tuple[tuple[str, str, float], ...]


def rides_along(workload: Workload, op: Op) -> bool:
    """Whether an op is applied to the outputs of the op before it on their way to memory, at no traffic of its own."""
    if not (isinstance(op, BatchNorm) or (isinstance(op, Elementwise) and op.function.arity == 1)):
        return False
    source = op.inputs[0]
    while len(workload.consumers[source]) == 1 and source not in workload.outputs:
        producer = workload.producers.get(source)
        if producer is None or isinstance(producer, Constant):
            return False
        if not isinstance(producer, Reshape | Transpose):
            return True
        source = producer.inputs[0]
    return False


def operations_of(workload: Workload, op: Op) -> int:
    """Operations on single elements that an op needs."""
    outputs = math.prod(workload.shapes[op.name])
    inputs = sum(math.prod(shape) for shape in workload.input_shapes(op))
    if isinstance(op, FREE):
        return 0
    if isinstance(op, Pool2d):
        return outputs * op.kernel[0] * op.kernel[1]
    if isinstance(op, GlobalAveragePool):
        return inputs
    if isinstance(op, LayerNorm):
        return outputs * NORMALISATION_OPERATIONS
    if isinstance(op, Softmax):
        return outputs * SOFTMAX_OPERATIONS
    return outputs


def price_vector_op(workload: Workload, op: Op, accelerator: Accelerator) -> VectorCost:
    """Cost of an op without multiply-accumulate loops."""
    operations = operations_of(workload, op)
    compute = operations / accelerator.vector.operations_per_cycle
    work = ("vector", "all", operations * accelerator.vector.energy_j)
    if isinstance(op, FREE):
        return VectorCost(0, 0.0, 0.0, "none", ())
    if rides_along(workload, op):
        return VectorCost(operations, 0.0, 0.0, "fused", (work,))
    memory = accelerator.levels[0]
    read = sum(math.prod(shape) for shape in workload.input_shapes(op)) * op.bits.input
    written = math.prod(workload.shapes[op.name]) * op.bits.output
    port = 0.0
    if memory.read_bytes_per_cycle is not None:
        split = memory.write_bytes_per_cycle
        shared = (read + written) / (8 * memory.read_bytes_per_cycle)
        port = shared if split is None else max(read / (8 * memory.read_bytes_per_cycle), written / (8 * split))
    total = max(compute, port)
    rows = (
        (memory.name, "input", read * memory.read_j_per_bit),
        (memory.name, "output", written * memory.write_j_per_bit),
        work,
        ("leakage", "all", total / accelerator.clock_hz * accelerator.leakage_w),
    )
    return VectorCost(operations, compute, total, "compute" if compute >= port else f"{memory.name} bandwidth", rows)

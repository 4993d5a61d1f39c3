"""What ops without multiply-accumulate loops cost: traffic with memory, and operations of the vector unit.

Views (reshape, transpose, slice, expand, concatenation) are patterns of addresses and cost nothing: a producer writes
straight to its part of the result. A batch normalisation, or a function whose other inputs are all stored arrays, that
is the only reader of another op rides along with that op's outputs on their way to memory and moves only those arrays.
Rows of a table are read as they are needed, never the whole table; a border writes itself, not what it surrounds.
Everything else reads its inputs from main memory and writes its output there, overlapped with the vector unit's work;
tensors that live on chip (`coexplore.cost.residency`) are read and written in their pool, all its instances at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import singledispatch

from coexplore.accelerators.accelerator import Accelerator, MemoryLevel, Operand
from coexplore.cost.kept import NOTHING, Kept, instances, pool_of
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import (
    BatchNorm,
    Border,
    Concat,
    Constant,
    Elementwise,
    Embedding,
    EmbeddingBag,
    Expand,
    Gather,
    GlobalAveragePool,
    GroupNorm,
    LayerNorm,
    Op,
    Pad,
    Pool2d,
    Reduce,
    Reshape,
    Resize,
    RmsNorm,
    Slice,
    Softmax,
    Transpose,
)

FREE = (Reshape, Transpose, Slice, Expand, Concat, Constant)
NORMALISATION_OPERATIONS = 4
"""Per element: mean, variance, scale, shift."""
SOFTMAX_OPERATIONS = 4
"""Per element: maximum, exponential, sum, division."""
INDEX_BITS = 32
"""Of one index of a row."""
LONGEST_VIEW = 16
"""Views of views that are looked through."""


@dataclass(frozen=True, slots=True)
class VectorCost:
    """Cycles and joules of one op of the vector unit."""

    operations: int
    compute_cycles: float
    total_cycles: float
    bound: str
    energy_by: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bits that one op reads and writes, by operand."""

    weight: int = 0
    inputs: tuple[int, ...] = ()
    """One entry per input of the op."""
    output: int = 0

    @property
    def input(self) -> int:
        """Of all inputs."""
        return sum(self.inputs)


def rides_along(workload: Workload, op: Op) -> bool:
    """Whether an op is applied to the outputs of the op before it on their way to memory."""
    if not isinstance(op, BatchNorm | Elementwise):
        return False
    sources = {name for name in op.inputs if not isinstance(workload.producers.get(name), Constant)}
    if len(sources) != 1:
        return False
    source = sources.pop()
    return workload.shapes[source] == workload.shapes[op.name] and _passes_by(workload, source)


def _passes_by(workload: Workload, source: str) -> bool:
    """Whether a value comes from ops, through views or directly, and each step has one reader."""
    waiting = [source]
    while waiting:
        name = waiting.pop()
        producer = workload.producers.get(name)
        if producer is None or isinstance(producer, Constant | Expand):
            return False
        if len(workload.consumers[name]) != 1 or name in workload.outputs:
            return False
        if isinstance(producer, FREE):
            waiting += producer.inputs
    return True


def operations_of(workload: Workload, op: Op) -> int:
    """Operations on single elements that an op needs."""
    outputs = math.prod(workload.shapes[op.name])
    if isinstance(op, (*FREE, Embedding, Gather, Pad)):
        return 0
    if isinstance(op, Pool2d):
        return outputs * op.kernel[0] * op.kernel[1]
    if isinstance(op, GlobalAveragePool | Reduce):
        return sum(math.prod(shape) for shape in workload.input_shapes(op))
    if isinstance(op, EmbeddingBag):
        return math.prod(workload.input_shapes(op)[0]) * op.width
    if isinstance(op, LayerNorm | RmsNorm | GroupNorm):
        return outputs * NORMALISATION_OPERATIONS
    if isinstance(op, Softmax):
        return outputs * SOFTMAX_OPERATIONS
    if isinstance(op, Resize):
        return outputs * op.interpolation.taps if op.interpolation.taps > 1 else 0
    return outputs


def price_vector_op(workload: Workload, op: Op, accelerator: Accelerator, kept: Kept = NOTHING) -> VectorCost:
    """Cost of an op without multiply-accumulate loops; what is kept on chip is read and written in its pool."""
    if isinstance(op, FREE):
        return VectorCost(0, 0.0, 0.0, "none", ())
    operations = operations_of(workload, op)
    compute = operations / accelerator.vector.operations_per_cycle
    work = ("vector", "all", operations * accelerator.vector.energy_j)
    memory = accelerator.levels[0]
    if rides_along(workload, op):
        stored = stored_bits(workload, op)
        extra = ((memory.name, "input", stored * memory.read_j_per_bit),) if stored else ()
        return VectorCost(operations, 0.0, 0.0, "fused", (*extra, work))
    total, bound = compute, "compute"
    rows: list[tuple[str, str, float]] = []
    for number, traffic in traffic_by_level(op, workload, accelerator, kept).items():
        level = accelerator.levels[number]
        port = _port_cycles(traffic, level) / instances(accelerator, number)
        if port > total:
            total, bound = port, f"{level.name} bandwidth"
        if traffic.weight:
            rows.append((level.name, "weight", traffic.weight * level.read_j_per_bit))
        rows.append((level.name, "input", traffic.input * level.read_j_per_bit))
        rows.append((level.name, "output", traffic.output * level.write_j_per_bit))
    leakage = ("leakage", "all", total / accelerator.clock_hz * accelerator.leakage_w)
    return VectorCost(operations, compute, total, bound, (*rows, work, leakage))


def traffic_by_level(op: Op, workload: Workload, accelerator: Accelerator, kept: Kept) -> dict[int, Traffic]:
    """What an op exchanges with main memory and with the pools of what lives on chip, by number of the level."""
    everything = traffic_of(op, workload)
    weights, inputs, outputs = (
        pool_of(accelerator, operand) or 0 for operand in (Operand.WEIGHT, Operand.INPUT, Operand.OUTPUT)
    )
    found = {0: Traffic()}

    def add(level: int, part: Traffic) -> None:
        old = found.get(level, Traffic())
        found[level] = Traffic(old.weight + part.weight, old.inputs + part.inputs, old.output + part.output)

    add(weights if kept.weights else 0, Traffic(weight=everything.weight))
    for source, bits in zip(op.inputs, everything.inputs, strict=True):
        add(inputs if source in kept.tensors else 0, Traffic(inputs=(bits,)))
    add(outputs if op.name in kept.tensors else 0, Traffic(output=everything.output))
    return found


def _port_cycles(traffic: Traffic, level: MemoryLevel) -> float:
    read = traffic.weight + traffic.input
    if level.read_bytes_per_cycle is None:
        return 0.0
    if level.write_bytes_per_cycle is None:
        return (read + traffic.output) / (8 * level.read_bytes_per_cycle)
    return max(read / (8 * level.read_bytes_per_cycle), traffic.output / (8 * level.write_bytes_per_cycle))


def stored_bits(workload: Workload, op: Op) -> int:
    """Bits of the stored arrays that an op which rides along reads; single numbers are part of the instruction."""
    constants = {name for name in op.inputs if isinstance(workload.producers.get(name), Constant)}
    sizes = (math.prod(workload.shapes[name]) for name in constants)
    return sum(size for size in sizes if size > 1) * op.bits.input


@singledispatch
def traffic_of(op: Op, workload: Workload) -> Traffic:
    """What an op that does not ride along reads and writes."""
    read = tuple(_distinct(workload, name) * op.bits.input for name in op.inputs)
    return Traffic(0, read, math.prod(workload.shapes[op.name]) * op.bits.output)


def _distinct(workload: Workload, name: str) -> int:
    """Elements behind a value: those that an expansion repeats are read once."""
    elements, producer = math.prod(workload.shapes[name]), workload.producers.get(name)
    for _ in range(LONGEST_VIEW):
        if not isinstance(producer, Expand | Reshape | Transpose):
            break
        elements = min(elements, math.prod(workload.shapes[producer.inputs[0]]))
        producer = workload.producers.get(producer.inputs[0])
    return elements


@traffic_of.register
def _(op: Embedding, workload: Workload) -> Traffic:
    outputs = math.prod(workload.shapes[op.name])
    return Traffic(outputs * op.bits.weight, (outputs // op.width * INDEX_BITS,), outputs * op.bits.output)


@traffic_of.register
def _(op: EmbeddingBag, workload: Workload) -> Traffic:
    indices = tuple(math.prod(shape) * INDEX_BITS for shape in workload.input_shapes(op))
    rows = math.prod(workload.input_shapes(op)[0])
    outputs = math.prod(workload.shapes[op.name])
    return Traffic(rows * op.width * op.bits.weight, indices, outputs * op.bits.output)


@traffic_of.register
def _(op: Gather, workload: Workload) -> Traffic:
    outputs, indices = math.prod(workload.shapes[op.name]), math.prod(workload.input_shapes(op)[1])
    return Traffic(0, (outputs * op.bits.input, indices * INDEX_BITS), outputs * op.bits.output)


@traffic_of.register
def _(op: Pad, workload: Workload) -> Traffic:
    border = math.prod(workload.shapes[op.name]) - math.prod(workload.input_shapes(op)[0])
    copied = 0 if op.border is Border.CONSTANT else border
    return Traffic(0, (copied * op.bits.input,), border * op.bits.output)

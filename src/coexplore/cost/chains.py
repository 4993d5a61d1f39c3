"""Which ops of a workload could run as one chain, tile of rows by tile of rows?

A chain begins and ends with an op that multiplies and accumulates. Each of its ops is the only reader of the one before
it, reads it as its first input, and needs, for some rows of its output, only some rows of that: convolutions among
themselves, linear layers and products of activations with the same rows and heads, and between them functions of
elements and normalisations or a softmax along the last axis.
"""

from __future__ import annotations

from dataclasses import dataclass

from coexplore.workloads.graph import Workload
from coexplore.workloads.loops import Loops
from coexplore.workloads.op import BatchNorm, Conv2d, Elementwise, LayerNorm, Op, RmsNorm, Softmax

MOST_MAC_OPS = 4
"""Multiply-accumulate ops of one chain: an inverted bottleneck has three, attention two."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Ops in order; each reads the one before it."""

    ops: tuple[Op, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the ops."""
        return tuple(op.name for op in self.ops)

    @property
    def between(self) -> frozenset[str]:
        """Names of the tensors that only ops of the chain see."""
        return frozenset(self.names[:-1])


def find_chains(workload: Workload) -> list[Chain]:
    """All chains of two to `MOST_MAC_OPS` multiply-accumulate ops, longer ones after shorter ones of the same start."""
    found = []
    for first, nest in workload.mac_ops():
        ops, last, macs = [first], (first, nest), 1
        while macs < MOST_MAC_OPS:
            reader = _only_reader(workload, ops[-1])
            if reader is None:
                break
            loops = workload.loops(reader)
            if loops is None and _keeps_rows(workload, reader, ops[-1]):
                ops.append(reader)
            elif loops is not None and _follows(ops[-1], reader, last, loops):
                ops.append(reader)
                last, macs = (reader, loops), macs + 1
                found.append(Chain(tuple(ops)))
            else:
                break
    return found


def _only_reader(workload: Workload, op: Op) -> Op | None:
    readers = workload.consumers[op.name]
    return readers[0] if len(readers) == 1 and op.name not in workload.outputs else None


def _keeps_rows(workload: Workload, op: Op, source: Op) -> bool:
    """Whether a row of a vector op's output depends on that row alone of what the chain gives it."""
    shape = workload.shapes[source.name]
    if shape != workload.shapes[op.name] or op.inputs.count(source.name) != 1:
        return False
    if isinstance(op, Softmax):
        return op.axis in (-1, len(shape) - 1)
    if isinstance(op, LayerNorm | RmsNorm):
        return op.axes == 1
    return isinstance(op, Elementwise | BatchNorm)


def _follows(source: Op, op: Op, before: tuple[Op, Loops], loops: Loops) -> bool:
    """Whether an op reads the rows of the last multiply-accumulate op before it, as its first input alone."""
    if op.inputs[0] != source.name or op.inputs.count(source.name) != 1:
        return False
    last, rows = before
    if isinstance(op, Conv2d) or isinstance(last, Conv2d):
        return isinstance(op, Conv2d) and isinstance(last, Conv2d)
    return (rows.G, rows.P) == (loops.G, loops.P)

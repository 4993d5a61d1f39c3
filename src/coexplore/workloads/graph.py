"""Workload: a checked graph of ops. Legal when built, so nothing after this point checks shapes again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from coexplore.core.errors import WorkloadError
from coexplore.workloads.op import MAX_SIZE, Loops, Op, Shape

MAX_OPS = 100_000


@dataclass(frozen=True)
class Workload:
    """A directed acyclic graph of ops in topological order.

    Raises:
        WorkloadError: an op reads something unknown, a name is used twice or empty, shapes do not fit, a size is
            out of range, or nothing comes out.
    """

    name: str
    inputs: tuple[tuple[str, Shape], ...]
    """Name and shape of each input, batch first."""
    ops: tuple[Op, ...]
    outputs: tuple[str, ...]
    shapes: dict[str, Shape] = field(init=False, compare=False, repr=False)
    """Shape of every input and op output, by name."""

    def __post_init__(self) -> None:
        if not self.ops:
            raise WorkloadError(f"workload {self.name!r} has no ops")
        if len(self.ops) > MAX_OPS:
            raise WorkloadError(f"workload {self.name!r} has {len(self.ops)} ops; the limit is {MAX_OPS}")
        shapes: dict[str, Shape] = {}
        for name, shape in self.inputs:
            _enter(shapes, name, shape)
        for op in self.ops:
            try:
                read = tuple([shapes[source] for source in op.inputs])
            except KeyError as error:
                message = f"op {op.name!r} reads {error.args[0]!r}, which nothing before it produces"
                raise WorkloadError(message) from error
            _enter(shapes, op.name, op.output_shape(read))
        if not self.outputs:
            raise WorkloadError(f"workload {self.name!r} has no outputs")
        if len(set(self.outputs)) < len(self.outputs):
            raise WorkloadError(f"workload {self.name!r} lists an output twice: {self.outputs}")
        for output in self.outputs:
            if output not in shapes:
                raise WorkloadError(f"output {output!r} of workload {self.name!r} is produced by no op")
        object.__setattr__(self, "shapes", shapes)

    def input_shapes(self, op: Op) -> tuple[Shape, ...]:
        """Shapes of what an op reads, in order."""
        return tuple(self.shapes[source] for source in op.inputs)

    def loops(self, op: Op) -> Loops | None:
        """Multiply-accumulate loops of an op, None for vector ops."""
        return op.loops(self.input_shapes(op))

    def mac_ops(self) -> Iterator[tuple[Op, Loops]]:
        """The ops that multiply and accumulate, with their loops."""
        for op in self.ops:
            loops = self.loops(op)
            if loops is not None:
                yield op, loops

    @cached_property
    def producers(self) -> dict[str, Op]:
        """Every op by its name; inputs of the workload have no producer."""
        return {op.name: op for op in self.ops}

    @cached_property
    def consumers(self) -> dict[str, tuple[Op, ...]]:
        """For every input and op, the ops that read it."""
        table: dict[str, list[Op]] = {name: [] for name in self.shapes}
        for op in self.ops:
            for source in dict.fromkeys(op.inputs):
                table[source].append(op)
        return {name: tuple(ops) for name, ops in table.items()}

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return sum(loops.macs for _, loops in self.mac_ops())

    @cached_property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(op.parameters(self.input_shapes(op)) for op in self.ops)


def _enter(shapes: dict[str, Shape], name: str, shape: Shape) -> None:
    if not name:
        raise WorkloadError("an input or op has an empty name; every one needs a name of its own")
    if name in shapes:
        raise WorkloadError(f"the name {name!r} occurs twice; every input and op needs a name of its own")
    if min(shape, default=1) < 1 or math.prod(shape) > MAX_SIZE:
        raise WorkloadError(f"{name!r} has shape {shape}; every size must be positive and the total at most {MAX_SIZE}")
    shapes[name] = shape

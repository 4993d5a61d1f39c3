"""Workload: a checked graph of ops. Legal when built, so nothing after this point checks shapes again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from coexplore.core.errors import WorkloadError
from coexplore.workloads.loops import MAX_RANK, MAX_SIZE, Loops, Shape
from coexplore.workloads.op import Op

MAX_OPS = 100_000


@dataclass(frozen=True)
class Workload:
    """A directed acyclic graph of ops in topological order.

    Raises:
        WorkloadError: an op reads something unknown, a name is used twice or empty, shapes do not fit, a size is
            out of range, an array is tied to none before it, or nothing comes out.
    """

    name: str
    inputs: tuple[tuple[str, Shape], ...]
    """Name and shape of each input, batch first."""
    ops: tuple[Op, ...]
    outputs: tuple[str, ...]
    shapes: dict[str, Shape] = field(init=False, compare=False, repr=False)
    """Shape of every input and op output, by name."""
    nests: dict[str, Loops] = field(init=False, compare=False, repr=False)
    """Multiply-accumulate loops of the ops that have some, by name."""

    def __post_init__(self) -> None:
        if not self.ops:
            raise WorkloadError(f"workload {self.name!r} has no ops")
        if len(self.ops) > MAX_OPS:
            raise WorkloadError(f"workload {self.name!r} has {len(self.ops)} ops; the limit is {MAX_OPS}")
        shapes: dict[str, Shape] = {}
        nests: dict[str, Loops] = {}
        for name, shape in self.inputs:
            _enter(shapes, name, shape)
        for op in self.ops:
            try:
                read = tuple([shapes[source] for source in op.inputs])
            except KeyError as error:
                message = f"op {op.name!r} reads {error.args[0]!r}, which nothing before it produces"
                raise WorkloadError(message) from error
            _enter(shapes, op.name, op.output_shape(read))
            loops = _loops(op, read)
            if loops is not None:
                nests[op.name] = loops
        _check_outputs(self.name, self.outputs, shapes)
        object.__setattr__(self, "shapes", shapes)
        object.__setattr__(self, "nests", nests)
        if any(op.tied for op in self.ops):
            _check_ties(self)

    def input_shapes(self, op: Op) -> tuple[Shape, ...]:
        """Shapes of what an op reads, in order."""
        return tuple(self.shapes[source] for source in op.inputs)

    def loops(self, op: Op) -> Loops | None:
        """Multiply-accumulate loops of an op, None for vector ops."""
        return self.nests.get(op.name)

    def mac_ops(self) -> Iterator[tuple[Op, Loops]]:
        """The ops that multiply and accumulate, with their loops."""
        for op in self.ops:
            loops = self.nests.get(op.name)
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
        return sum(loops.macs for loops in self.nests.values())

    @cached_property
    def parameters(self) -> int:
        """Trainable parameters; a tied array counts once."""
        return sum(op.parameters(self.input_shapes(op)) for op in self.ops)


def _enter(shapes: dict[str, Shape], name: str, shape: Shape) -> None:
    if not name:
        raise WorkloadError("an input or op has an empty name; every one needs a name of its own")
    if name in shapes:
        raise WorkloadError(f"the name {name!r} occurs twice; every input and op needs a name of its own")
    if min(shape, default=1) < 1 or math.prod(shape) > MAX_SIZE:
        raise WorkloadError(f"{name!r} has shape {shape}; every size must be positive and the total at most {MAX_SIZE}")
    if len(shape) > MAX_RANK:
        raise WorkloadError(f"{name!r} has {len(shape)} axes; the limit is {MAX_RANK}")
    shapes[name] = shape


def _loops(op: Op, shapes: tuple[Shape, ...]) -> Loops | None:
    try:
        return op.loops(shapes)
    except WorkloadError as error:
        raise WorkloadError(f"op {op.name!r} ({type(op).__name__}): {error}") from error


def _check_outputs(name: str, outputs: tuple[str, ...], shapes: dict[str, Shape]) -> None:
    if not outputs:
        raise WorkloadError(f"workload {name!r} has no outputs")
    if len(set(outputs)) < len(outputs):
        raise WorkloadError(f"workload {name!r} lists an output twice: {outputs}")
    for output in outputs:
        if output not in shapes:
            raise WorkloadError(f"output {output!r} of workload {name!r} is produced by no op")


def _check_ties(workload: Workload) -> None:
    owned: dict[str, Shape] = {}
    for op in workload.ops:
        arrays, tied = op.arrays(workload.input_shapes(op)), dict(op.tied)
        for array, owner in op.tied:
            if array not in arrays or owned.get(owner) != arrays[array]:
                raise WorkloadError(
                    f"op {op.name!r}: its array {array!r} is tied to {owner!r}, which no earlier op owns in that shape"
                )
        owned |= {f"{op.name}.{array}": shape for array, shape in arrays.items() if array not in tied}

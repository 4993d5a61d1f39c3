"""Which layers does a tile engine see? Multiply-accumulate ops as rows of channels, output map, kernel and stride.

A grouped convolution is its groups one after the other; a matrix product is a 1x1 convolution on a map of one column.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from coexplore.core.errors import WorkloadError
from coexplore.cost._fpga import LAYER_COLUMNS, Ints
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, GlobalAveragePool, Loops, Op, Pair, Pool2d


class Shapes(enum.Enum):
    """Where the output map of a layer comes from."""

    TRUE = "true"
    """From the graph."""
    REGISTRATION = "registration order"
    """Ops are walked in their order, each applied to the map the last one left: what reads a branch's start, such as
    the 1x1 convolution beside a residual block, sees the branch's end. A published trap; convolutions only."""


@dataclass(frozen=True, slots=True)
class FpgaLayer:
    """One layer, in the letters of the published model.

    Raises:
        WorkloadError: a size is below 1, or a depthwise layer has not as many inputs as outputs.
    """

    name: str
    M: int
    """Output channels."""
    N: int
    """Input channels."""
    R: int
    """Output rows."""
    C: int
    """Output columns."""
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    B: int = 1
    """How often: the batch, times the groups of a grouped convolution."""
    depthwise: bool = False
    """Each of M = N channels on its own."""

    def __post_init__(self) -> None:
        sizes = (self.B, self.M, self.N, self.R, self.C, *self.kernel, *self.stride, *self.dilation)
        if min(sizes) < 1 or min(self.padding) < 0:
            raise WorkloadError(f"layer {self.name!r} has a size of {min(sizes)}; every size is at least 1: {self}")
        if self.depthwise and self.M != self.N:
            raise WorkloadError(
                f"layer {self.name!r} is depthwise with {self.N} inputs and {self.M} outputs; give as many"
            )

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        inputs = 1 if self.depthwise else self.N
        return self.B * self.M * inputs * self.R * self.C * self.kernel[0] * self.kernel[1]

    @property
    def row(self) -> tuple[int, ...]:
        """As the kernels want it."""
        sizes = (self.B, self.M, self.N, self.R, self.C)
        return (*sizes, *self.kernel, *self.stride, *self.dilation, *self.padding, int(self.depthwise))


def fpga_layers(
    workload: Workload, shapes: Shapes = Shapes.TRUE, *, convolutions_only: bool = False
) -> tuple[FpgaLayer, ...]:
    """The layers of a workload in its order.

    Args:
        workload: the network.
        shapes: of the output maps.
        convolutions_only: leave out linear layers and products of activations, as the published model does.

    Raises:
        WorkloadError: nothing is left, or registration order is asked of a network that reads no image.
    """
    maps = _walked_maps(workload) if shapes is Shapes.REGISTRATION else {}
    layers = tuple(
        _layer(op, loops, maps.get(op.name, (loops.P, loops.Q)))
        for op, loops in workload.mac_ops()
        if isinstance(op, Conv2d) or not convolutions_only
    )
    if not layers:
        kind = "convolution" if convolutions_only else "op that multiplies and accumulates"
        raise WorkloadError(f"workload {workload.name!r} has no {kind}")
    return layers


def _layer(op: Op, loops: Loops, size: Pair) -> FpgaLayer:
    padding = (op.pads[0][0], op.pads[1][0]) if isinstance(op, Conv2d) else (0, 0)
    alone = loops.G > 1 and loops.C == 1 and isinstance(op, Conv2d)
    return FpgaLayer(
        name=op.name,
        M=loops.G * loops.K if alone else loops.K,
        N=loops.G * loops.K if alone else loops.C,
        R=size[0],
        C=size[1],
        kernel=(loops.R, loops.S),
        stride=loops.stride,
        padding=padding,
        dilation=loops.dilation,
        B=loops.N if alone else loops.N * loops.G,
        depthwise=alone,
    )


def _walked_maps(workload: Workload) -> dict[str, Pair]:
    """Output map of every convolution when ops follow each other in their order."""
    shape = workload.inputs[0][1]
    if len(shape) != 4:
        raise WorkloadError(f"workload {workload.name!r} reads {shape}, no image; registration order walks image sizes")
    rows, cols = shape[2:]
    maps: dict[str, Pair] = {}
    for op in workload.ops:
        if isinstance(op, Conv2d):
            _, _, rows, cols = op.output_shape(((1, workload.input_shapes(op)[0][1], rows, cols),))
            maps[op.name] = (rows, cols)
        elif isinstance(op, Pool2d | GlobalAveragePool):
            _, _, rows, cols = op.output_shape(((1, 1, rows, cols),))
    return maps


def layer_rows(layers: Sequence[FpgaLayer]) -> Ints:
    """Array (l, 14) of layers."""
    return np.array([layer.row for layer in layers], np.int64).reshape(len(layers), LAYER_COLUMNS)


def without_depthwise(layers: Iterable[FpgaLayer]) -> tuple[FpgaLayer, ...]:
    """Depthwise layers as one group after the other, for an engine that has no second one."""
    return tuple(_as_groups(layer) if layer.depthwise else layer for layer in layers)


def _as_groups(layer: FpgaLayer) -> FpgaLayer:
    return replace(layer, M=1, N=1, B=layer.B * layer.M, depthwise=False)

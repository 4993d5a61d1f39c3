"""Which layers is learned co-design tried on? Four sets of unconnected layers, in place of those of Shi2020.

References:
    Shi2020: Z. Shi et al., Learned hardware/software co-design of neural accelerators, arXiv 2010.02075: ResNet, DQN,
        MLP, Transformer.

Departures: the table of layer shapes of Shi2020 is not public. These sets are ours: one layer of each stage of
ResNet-18, the convolutions of DQN, two matrix-vector products, and the products of a Transformer of width 512 with 64
tokens. A set is a graph whose layers read inputs of their own; all operands and sums are 16 bits wide.
"""

from __future__ import annotations

from collections.abc import Iterable

from coexplore.networks.network import NETWORK_PRESETS
from coexplore.workloads.graph import Workload
from coexplore.workloads.loops import Bits, Shape
from coexplore.workloads.op import Conv2d, Linear, Op

WORDS = Bits(16, 16, 16, 16)

Layer = tuple[Shape, Op]
"""What a layer reads, and the layer."""


@NETWORK_PRESETS.register("codesign-resnet")
def resnet_layers() -> Workload:
    """A 3x3 layer of each stage of ResNet-18."""
    stages = ((64, 56), (128, 28), (256, 14), (512, 7))
    layers = (_conv(f"stage{n}", width, width, size, 3, 1, 1) for n, (width, size) in enumerate(stages, 1))
    return _set("codesign-resnet", layers)


@NETWORK_PRESETS.register("codesign-dqn")
def dqn_layers() -> Workload:
    """Both convolutions of the first DQN, on four frames of 84 x 84."""
    return _set("codesign-dqn", (_conv("conv1", 4, 16, 84, 8, 4, 0), _conv("conv2", 16, 32, 20, 4, 2, 0)))


@NETWORK_PRESETS.register("codesign-mlp")
def mlp_layers() -> Workload:
    """Matrix-vector products 512 x 512 and 64 x 1024."""
    return _set("codesign-mlp", (_linear("square", 512, 512, 1), _linear("wide", 64, 1024, 1)))


@NETWORK_PRESETS.register("codesign-transformer")
def transformer_layers() -> Workload:
    """Projection, head and both halves of the feed-forward layer, for 64 tokens of width 512."""
    sizes = (("projection", 512, 512), ("head", 512, 64), ("inner", 512, 2048), ("outer", 2048, 512))
    return _set("codesign-transformer", (_linear(name, wide, out, 64) for name, wide, out in sizes))


def _conv(name: str, channels: int, out: int, size: int, kernel: int, stride: int, padding: int) -> Layer:
    square, steps, border = (kernel, kernel), (stride, stride), (padding, padding)
    return (1, channels, size, size), Conv2d(name, (f"{name}_in",), out, square, steps, border, bits=WORDS)


def _linear(name: str, wide: int, out: int, rows: int) -> Layer:
    return (rows, wide), Linear(name, (f"{name}_in",), out, bias=False, bits=WORDS)


def _set(name: str, layers: Iterable[Layer]) -> Workload:
    found = tuple(layers)
    inputs = tuple((op.inputs[0], shape) for shape, op in found)
    return Workload(name, inputs, tuple(op for _, op in found), tuple(op.name for _, op in found))

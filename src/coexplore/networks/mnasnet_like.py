"""Which networks are made of inverted bottlenecks with squeeze-excite? A stem, a list of blocks, a head, a classifier.

The space of Accel-NASBench (seven stages of MnasNet-like blocks) and the EfficientNets are lists of such blocks.

References:
    Tan2019: Tan et al., MnasNet, CVPR 2019, arXiv 1807.11626: the search space, squeeze-excite on the block's input.
    Ahmad2024: Ahmad et al., Accel-NASBench, DAC 2024: kernel, expansion, depth and squeeze-excite per stage.
    TanLe2019: Tan & Le, EfficientNet, ICML 2019, arXiv 1905.11946, Table 1.
    EdgeTPU: Gupta & Tan, EfficientNet-EdgeTPU, Google AI blog, August 2019: fused blocks, no squeeze-excite, ReLU.
        The block table is recalled.

Departures:
    Widths, strides, stem and head of Ahmad2024 are those with which the published parameters (within 1 %) and MACs
    agree; they are not stated. Swish is charged as any function of one element.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from coexplore.core.errors import ConfigError
from coexplore.networks._layers import IMAGE, Ops, conv_bn, pooled_classifier
from coexplore.networks.inverted_bottleneck import round_channels
from coexplore.networks.network import ImageShape, check_image_settings
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, Elementwise, Function, GlobalAveragePool, Op


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted bottleneck."""

    kernel: int
    expansion: int
    width: int
    stride: int
    squeeze: bool = False
    """Whether its channels are scaled by a squeeze-excite of a quarter of the block's input channels."""
    fused: bool = False
    """Whether one dense k x k convolution stands for the first 1x1 and the depthwise one."""
    residual: bool = True
    """Whether the input is added where the shape stays."""
    widened_from: int | None = None
    """Channels that `expansion` multiplies, where they are not those of the input."""
    groups: int = 1
    """Of the fused convolution."""
    strides_last: bool = True
    """Whether the last 1x1 of a fused block strides, as in (EdgeTPU), instead of its fused convolution."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One row of a published table."""

    kernel: int
    expansion: int
    width: int
    depth: int
    stride: int
    fused: bool = False
    residual: bool = True
    widened_from: int | None = None


ACCEL_WIDTHS = (16, 24, 40, 80, 112, 192, 320)
ACCEL_STRIDES = (1, 2, 2, 2, 1, 2, 1)

EFFICIENTNET_B0 = (
    Stage(3, 1, 16, 1, 1),
    Stage(3, 6, 24, 2, 2),
    Stage(5, 6, 40, 2, 2),
    Stage(3, 6, 80, 3, 2),
    Stage(5, 6, 112, 3, 1),
    Stage(5, 6, 192, 4, 2),
    Stage(3, 6, 320, 1, 1),
)
EFFICIENTNET_EDGETPU = (
    Stage(3, 4, 24, 1, 1, fused=True, residual=False, widened_from=24),
    Stage(3, 8, 32, 2, 2, fused=True),
    Stage(3, 8, 48, 4, 2, fused=True),
    Stage(5, 8, 96, 5, 2),
    Stage(5, 8, 144, 4, 1),
    Stage(5, 8, 192, 2, 2),
)
EDGETPU_SIZES = {"S": (1.0, 1.0, 224), "M": (1.0, 1.1, 240), "L": (1.2, 1.4, 300)}
"""Times the width, times the depth, and pixels a side."""


def accel_nasbench(
    expansions: Sequence[int], kernels: Sequence[int], depths: Sequence[int], squeezes: Sequence[bool]
) -> Workload:
    """A network of Accel-NASBench at 224 x 224, from four entries per stage."""
    rows = zip(kernels, expansions, ACCEL_WIDTHS, depths, ACCEL_STRIDES, strict=True)
    stages = [Stage(*row) for row in rows]
    blocks = [
        block
        for stage, squeeze in zip(stages, squeezes, strict=True)
        for block in stage_blocks(stage, squeeze=bool(squeeze))
    ]
    return assemble_blocks("accel-nasbench", (3, 224, 224), blocks, Function.SILU)


def efficientnet_b0(input_shape: ImageShape = (3, 224, 224)) -> Workload:
    """EfficientNet-B0 (TanLe2019)."""
    blocks = [block for stage in EFFICIENTNET_B0 for block in stage_blocks(stage, squeeze=True)]
    return assemble_blocks("efficientnet-b0", input_shape, blocks, Function.SILU)


def efficientnet_edgetpu(size: str) -> Workload:
    """EfficientNet-EdgeTPU of size `S`, `M` or `L` (EdgeTPU).

    Raises:
        ConfigError: no such size.
    """
    if size not in EDGETPU_SIZES:
        raise ConfigError(f"efficientnet-edgetpu.size is {size!r}; legal: {', '.join(EDGETPU_SIZES)}")
    widening, deepening, resolution = EDGETPU_SIZES[size]
    blocks = [
        block
        for stage in EFFICIENTNET_EDGETPU
        for block in stage_blocks(stage, squeeze=False, widening=widening, deepening=deepening)
    ]
    stem, head = round_channels(32 * widening), round_channels(1280 * widening)
    shape = (3, resolution, resolution)
    return assemble_blocks(f"efficientnet-edgetpu-{size}", shape, blocks, Function.RELU, stem=stem, head=head)


def stage_blocks(stage: Stage, *, squeeze: bool, widening: float = 1.0, deepening: float = 1.0) -> list[Block]:
    """The blocks of a row; only the first one has its stride."""
    width = round_channels(stage.width * widening)
    source = None if stage.widened_from is None else round_channels(stage.widened_from * widening)
    return [
        Block(stage.kernel, stage.expansion, width, stage.stride if index == 0 else 1, squeeze, stage.fused,
              stage.residual, source)
        for index in range(math.ceil(stage.depth * deepening))
    ]  # fmt: skip


def assemble_blocks(
    name: str,
    input_shape: ImageShape,
    blocks: Sequence[Block | None],
    function: Function,
    *,
    stem: int = 32,
    stem_stride: int = 2,
    head: int = 1280,
    classes: int = 1000,
) -> Workload:
    """Stem, blocks, 1x1 head and classifier, for a batch of one.

    Args:
        name: of the workload.
        input_shape: (C, H, W).
        blocks: None is a block that is passed over; it keeps its number.
        function: after every convolution but the last of a block.
        stem: width of the first 3x3 convolution.
        stem_stride: its stride.
        head: width of the last 1x1 convolution, 0 for none.
        classes: outputs of the classifier.

    Raises:
        ConfigError: the input shape or the number of classes is not legal.
    """
    check_image_settings(name, input_shape, classes, None)
    ops: list[Op] = [*conv_bn("conv_stem", IMAGE, stem, 3, stride=stem_stride, function=function)]
    channels = stem
    for index, block in enumerate(blocks):
        if block is not None:
            ops += block_ops(f"block{index}", ops[-1].name, channels, block, function)
            channels = block.width
    if head:
        ops += conv_bn("conv_head", ops[-1].name, head, 1, function=function)
    ops += pooled_classifier(ops[-1].name, classes)
    return Workload(name, ((IMAGE, (1, *input_shape)),), tuple(ops), ("fc",))


@lru_cache(maxsize=65536)
def block_ops(prefix: str, source: str, channels: int, block: Block, function: Function) -> Ops:
    """The ops of a block that reads `channels` channels of `source`; the last one carries the result."""
    hidden = (block.widened_from or channels) * block.expansion
    last_stride = block.stride if block.fused and block.strides_last else 1
    ops: list[Op] = []
    if block.fused:
        ops += conv_bn(
            f"{prefix}.fused", source, hidden, block.kernel, stride=block.stride // last_stride, groups=block.groups,
            function=function,
        )  # fmt: skip
    else:
        if block.expansion > 1:
            ops += conv_bn(f"{prefix}.expand", source, hidden, 1, function=function)
        start = ops[-1].name if ops else source
        ops += conv_bn(
            f"{prefix}.dw", start, hidden, block.kernel, stride=block.stride, groups=hidden, function=function
        )
    if block.squeeze:
        ops += _squeeze_excite(f"{prefix}.se", ops[-1].name, max(1, channels // 4), hidden, function)
    ops += conv_bn(f"{prefix}.project", ops[-1].name, block.width, 1, stride=last_stride, function=None)
    if block.residual and block.stride == 1 and block.width == channels:
        ops.append(Elementwise(f"{prefix}.add", (source, ops[-1].name), Function.ADD))
    return tuple(ops)


def _squeeze_excite(prefix: str, source: str, narrow: int, channels: int, function: Function) -> Ops:
    pool = GlobalAveragePool(f"{prefix}.pool", (source,))
    reduce = Conv2d(f"{prefix}.reduce", (pool.name,), out_channels=narrow, kernel=(1, 1), bias=True)
    middle = Elementwise(f"{prefix}.act", (reduce.name,), function)
    expand = Conv2d(f"{prefix}.expand", (middle.name,), out_channels=channels, kernel=(1, 1), bias=True)
    gate = Elementwise(f"{prefix}.gate", (expand.name,), Function.SIGMOID)
    return (pool, reduce, middle, expand, gate, Elementwise(f"{prefix}.scale", (source, gate.name), Function.MULTIPLY))

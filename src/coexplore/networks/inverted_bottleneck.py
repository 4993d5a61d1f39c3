"""Which MobileNetV2-like networks are there? Per stage the kernel, the expansion, the width and the depth.

A block widens with a 1x1 convolution, filters each channel with a k x k depthwise convolution, and narrows with a
linear 1x1 convolution; where the shape stays, its input is added. The network is a row table as in (Sandler2018,
Table 2): expansion t, width c, depth n, stride s of each stage. The space varies every row around its entries, the
setting NAHAS searches (Zhou2021, Sec. 3.1, there with kernel and expansion only, each block on its own).

References:
    Sandler2018: Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018, arXiv 1801.04381.
    Zhou2021: Zhou et al., Rethinking Co-design of Neural Architectures and Hardware Accelerators, arXiv 2102.08619.

Departures:
    Images below 64 pixels get shorter row tables (ours), which end at a map of 2 to 7 pixels as the published one does.
    Blocks of a stage share their decisions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

from coexplore.core.errors import ConfigError
from coexplore.networks._layers import IMAGE, Ops, conv_bn, pooled_classifier
from coexplore.networks.network import NETWORK_FAMILIES, ImageShape, check_image_settings, workload_input
from coexplore.networks.unique_ops import Scope
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Elementwise, Function

Row = tuple[int, int, int, int]
"""Expansion t, width c, depth n, stride s of one stage."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands around and between the decisions."""

    stem: tuple[int, int]
    """Width and stride of the first 3x3 convolution."""
    rows: tuple[Row, ...]
    head: int
    """Width of the last 1x1 convolution, 0 for none."""


MOBILENET_V2 = Layout(
    stem=(32, 2),
    rows=(
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ),
    head=1280,
)
"""Sandler2018, Table 2."""

LAYOUTS: tuple[tuple[int, Layout], ...] = (
    (16, Layout(stem=(8, 1), rows=((3, 8, 1, 1), (3, 16, 2, 2), (3, 24, 1, 2)), head=32)),
    (64, Layout(stem=(16, 1), rows=((3, 16, 1, 1), (3, 24, 2, 2), (6, 40, 2, 2), (6, 80, 2, 2)), head=160)),
)
"""Below this many pixels on the shorter side, this layout (ours); MobileNetV2's from there on."""


@NETWORK_FAMILIES.register("inverted-bottleneck")
@dataclass(frozen=True)
class InvertedBottleneck:
    """MobileNetV2-like networks: kernel, expansion, width and depth of every stage.

    Decisions `kernel0`, `expansion0`, `width0`, `depth0`, `kernel1` and so on, all of them ordered.

    Raises:
        ConfigError: a setting is not legal; the message names it.
    """

    name: ClassVar[str] = "inverted-bottleneck"

    input_shape: ImageShape = (1, 8, 8)
    """(C, H, W) of the data."""
    classes: int = 10
    resolution: int | None = None
    """Height and width the data is resized to; None keeps those of `input_shape`."""
    stem: tuple[int, int] | None = None
    """Width and stride of the first 3x3 convolution; None derives it from the resolution."""
    stages: tuple[Row, ...] | None = None
    """Rows (expansion, width, depth, stride) to vary; None derives them from the resolution."""
    head: int | None = None
    """Width of the last 1x1 convolution, 0 for none; None derives it from the resolution."""
    kernels: tuple[int, ...] = (3, 5, 7)
    """Odd sizes. A stage skips those wider than twice its map."""
    expansions: tuple[int, ...] = (2, 3, 4, 6)
    """Legal in every stage but those whose row says 1, which never widen."""
    width_factors: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25)
    """Times the width of the row, rounded to a multiple of 8."""
    depth_steps: tuple[int, ...] = (-1, 0, 1)
    """Added to the depth of the row, where that leaves at least one block."""

    def __post_init__(self) -> None:
        check_image_settings(self.name, self.input_shape, self.classes, self.resolution)
        _check_choices(self)
        _check_layout(self.name, self.layout)

    @cached_property
    def layout(self) -> Layout:
        """Stem, rows and head after the defaults."""
        _, height, width = workload_input(self.input_shape, self.resolution)
        size = min(height, width)
        default = next((layout for below, layout in LAYOUTS if size < below), MOBILENET_V2)
        return Layout(
            default.stem if self.stem is None else self.stem,
            default.rows if self.stages is None else self.stages,
            default.head if self.head is None else self.head,
        )

    @cached_property
    def space(self) -> Space:
        """Four decisions per stage."""
        return Space(tuple(self._decisions()))

    def _decisions(self) -> Iterator[Decision]:
        size = -(-max(workload_input(self.input_shape, self.resolution)[1:]) // self.layout.stem[1])
        for stage, (expansion, width, depth, stride) in enumerate(self.layout.rows):
            kernels = {kernel for kernel in self.kernels if kernel <= max(2 * size, min(self.kernels))}
            expansions = {1} if expansion == 1 else set(self.expansions)
            widths = {round_channels(factor * width) for factor in self.width_factors}
            depths = {max(depth + step, 1) for step in self.depth_steps}
            yield Decision(f"kernel{stage}", tuple(sorted(kernels)), ordered=True)
            yield Decision(f"expansion{stage}", tuple(sorted(expansions)), ordered=True)
            yield Decision(f"width{stage}", tuple(sorted(widths)), ordered=True)
            yield Decision(f"depth{stage}", tuple(sorted(depths)), ordered=True)
            size = -(-size // stride)

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """A stage follows from its decisions and the width before it, what comes after the last one from its width."""
        found, before = list[Scope](), tuple[str, ...]()
        for stage in range(len(self.layout.rows)):
            found.append(Scope((f"stage{stage}",), (*before, *(f"{name}{stage}" for name in _DECISIONS))))
            before = (f"width{stage}",)
        return (*found, Scope(("conv_head",) if self.layout.head else ("pool", "fc"), before))

    def lower(self, point: Point) -> Workload:
        """The graph of ops of a point of `space`.

        An op has the same name in all networks that have it, whatever their depths: block 1 of stage 2 is
        `stage2.block1`, and `stage2.plain1` where it does not widen, since its filters then read another thing. That is
        where networks share weights (`accuracy/supernet.py`).
        """
        blocks: list[Block] = []
        names: list[str] = []
        for stage, row in enumerate(self.layout.rows):
            kernel, expansion, width, depth = (int(point[f"{name}{stage}"]) for name in _DECISIONS)
            blocks.append((kernel, expansion, width, row[3]))
            blocks.extend(itertools.repeat((kernel, expansion, width, 1), depth - 1))
            names.extend(f"stage{stage}.{'plain' if expansion == 1 else 'block'}{block}" for block in range(depth))
        shape = workload_input(self.input_shape, self.resolution)
        return assemble(self.name, shape, self.classes, self.layout, blocks, names)


_DECISIONS = ("kernel", "expansion", "width", "depth")

Block = tuple[int, int, int, int]
"""Kernel, expansion, width, stride of one block."""


def base_blocks(rows: tuple[Row, ...]) -> list[Block]:
    """The blocks of a row table as it stands, with 3x3 kernels."""
    return [(3, t, c, s if first else 1) for t, c, n, s in rows for first in (True, *(False,) * (n - 1))]


def assemble(
    name: str,
    input_shape: ImageShape,
    classes: int,
    layout: Layout,
    blocks: list[Block],
    names: Sequence[str] | None = None,
) -> Workload:
    """Stem, blocks, head and classifier as one workload for a batch of one.

    Args:
        name: of the workload.
        input_shape: (C, H, W).
        classes: outputs.
        layout: stem and head.
        blocks: in order.
        names: what the names of the ops of each block begin with; by default they are numbered through from 0.
    """
    channels, stride = layout.stem
    ops = [*conv_bn("conv_stem", IMAGE, channels, 3, stride=stride, function=Function.RELU6)]
    prefixes = [f"block{index}" for index in range(len(blocks))] if names is None else names
    for prefix, block in zip(prefixes, blocks, strict=True):
        ops.extend(_block_ops(prefix, ops[-1].name, channels, block))
        channels = block[2]
    if layout.head:
        ops.extend(conv_bn("conv_head", ops[-1].name, layout.head, 1, function=Function.RELU6))
    ops.extend(pooled_classifier(ops[-1].name, classes))
    return Workload(name, ((IMAGE, (1, *input_shape)),), tuple(ops), ("fc",))


@lru_cache(maxsize=65536)
def _block_ops(prefix: str, source: str, channels: int, block: Block) -> Ops:
    kernel, expansion, width, stride = block
    hidden = channels * expansion
    widen = () if expansion == 1 else conv_bn(f"{prefix}.expand", source, hidden, 1, function=Function.RELU6)
    start = widen[-1].name if widen else source
    filtered = conv_bn(f"{prefix}.dw", start, hidden, kernel, stride=stride, groups=hidden, function=Function.RELU6)
    narrow = conv_bn(f"{prefix}.project", filtered[-1].name, width, 1, function=None)
    ops = (*widen, *filtered, *narrow)
    if stride == 1 and width == channels:
        ops = (*ops, Elementwise(f"{prefix}.add", (source, narrow[-1].name), Function.ADD))
    return ops


def round_channels(width: float, divisor: int = 8) -> int:
    """Nearest multiple of `divisor`, at least one, never below 90 % of `width` (Sandler2018's published code)."""
    rounded = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * width else rounded + divisor


def _check_choices(family: InvertedBottleneck) -> None:
    choices = (
        ("kernels", family.kernels, all(kernel >= 1 and kernel % 2 for kernel in family.kernels), "odd and positive"),
        ("expansions", family.expansions, all(value >= 1 for value in family.expansions), "at least 1"),
        ("width_factors", family.width_factors, all(factor > 0 for factor in family.width_factors), "positive"),
        ("depth_steps", family.depth_steps, True, ""),
    )
    for field, values, legal, rule in choices:
        if not values:
            raise ConfigError(f"{family.name}.{field} is empty; give at least one value")
        if not legal:
            raise ConfigError(f"{family.name}.{field} is {values}; every value must be {rule}")


def _check_layout(family: str, layout: Layout) -> None:
    if min(layout.stem) < 1:
        raise ConfigError(f"{family}.stem is {layout.stem}; give a width and a stride of at least 1")
    if not layout.rows:
        raise ConfigError(f"{family}.stages is empty; give at least one row (expansion, width, depth, stride)")
    for index, row in enumerate(layout.rows):
        if len(row) != 4 or min(row) < 1:
            raise ConfigError(
                f"{family}.stages[{index}] is {row}; give (expansion, width, depth, stride), each at least 1"
            )
    if layout.head < 0:
        raise ConfigError(f"{family}.head is {layout.head}; give a width, or 0 for none")

"""Which networks label every pixel? Inverted bottlenecks down to a small map, and up again beside what was there.

Each stage of the encoder halves the map with one inverted bottleneck. The decoder doubles it again, step by step: it
resizes or convolves transposed, puts the encoder's map of that size beside it, and filters both with a separable
convolution to the width of that map. A 1x1 convolution gives a score per class and pixel; where the stem strides, the
scores are resized to the image. The shape is that of (Ronneberger2015), the blocks those of (Sandler2018).

References:
    Ronneberger2015: Ronneberger et al., U-Net, MICCAI 2015, arXiv 1505.04597.
    Sandler2018: Sandler et al., MobileNetV2, CVPR 2018, arXiv 1801.04381.

Departures:
    All sizes are ours, for images of some dozen pixels; larger images want a stem that strides and wider stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from coexplore.core.errors import ConfigError
from coexplore.networks._layers import IMAGE, Ops, conv_bn
from coexplore.networks.inverted_bottleneck import round_channels
from coexplore.networks.mnasnet_like import Block, block_ops
from coexplore.networks.network import NETWORK_FAMILIES, ImageShape, check_image_settings
from coexplore.networks.unique_ops import Scope
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space
from coexplore.workloads._builder import Builder
from coexplore.workloads._transposed import TransposedWindow, transposed_convolution
from coexplore.workloads.graph import Workload
from coexplore.workloads.loops import Pair
from coexplore.workloads.op import BatchNorm, Concat, Conv2d, Elementwise, Function, Interpolation, Op, Resize

RESIZE, TRANSPOSED = "resize", "transposed"
UPSAMPLINGS = (RESIZE, TRANSPOSED)
TWICE = TransposedWindow(1, (2, 2), (2, 2), (0, 0), (0, 0), (0, 0), (1, 1), 1)
"""The window of a transposed convolution that doubles a map; `out_channels` is set where it is used."""


@NETWORK_FAMILIES.register("encoder-decoder")
@dataclass(frozen=True)
class EncoderDecoder:
    """Networks that label every pixel: inverted bottlenecks down, and up again by resizing or transposed convolution.

    Decisions `kernel0`, `expansion0`, `width0`, `kernel1` and so on of the stages on the way down, `up0`, `filter0`,
    `up1` and so on of the steps up: step `i` ends at the map that stage `i` reads.

    Raises:
        ConfigError: a setting is not legal; the message names it.
    """

    name: ClassVar[str] = "encoder-decoder"

    input_shape: ImageShape = (1, 32, 32)
    """(C, H, W) of the data; every stage halves height and width, and the stem may too."""
    classes: int = 4
    stem: tuple[int, int] = (8, 1)
    """Width and stride of the first 3x3 convolution."""
    widths: tuple[int, ...] = (16, 24, 40)
    """Of the stages."""
    kernels: tuple[int, ...] = (3, 5)
    """Of the bottlenecks on the way down."""
    expansions: tuple[int, ...] = (2, 4)
    width_factors: tuple[float, ...] = (0.5, 1.0, 1.5)
    """Times the width of a stage, rounded to a multiple of 8."""
    filters: tuple[int, ...] = (3, 5)
    """Kernels of the separable convolutions on the way up."""

    def __post_init__(self) -> None:
        check_image_settings(self.name, self.input_shape, self.classes, None)
        for field in ("widths", "expansions", "width_factors"):
            values: tuple[float, ...] = getattr(self, field)
            if not values or min(values) <= 0:
                raise ConfigError(f"{self.name}.{field} is {values}; give one or more positive numbers")
        for field in ("kernels", "filters"):
            sizes: tuple[int, ...] = getattr(self, field)
            if not sizes or any(size < 1 or size % 2 == 0 for size in sizes):
                raise ConfigError(f"{self.name}.{field} is {sizes}; give one or more odd and positive numbers")
        if min(self.stem) < 1:
            raise ConfigError(f"{self.name}.stem is {self.stem}; give a width and a stride of at least 1")
        halved = self.stem[1] * 2 ** len(self.widths)
        if any(size % halved for size in self.input_shape[1:]):
            raise ConfigError(
                f"{self.name}.input_shape is {self.input_shape}; stem and stages divide height and width by {halved}, "
                f"so give multiples of it, or fewer widths"
            )

    @cached_property
    def space(self) -> Space:
        """Kernel, expansion and width of every stage; way and filter of every step up."""
        return Space(tuple(self._decisions()))

    def _decisions(self) -> Iterator[Decision]:
        for stage, width in enumerate(self.widths):
            widths = {round_channels(factor * width) for factor in self.width_factors}
            yield Decision(f"kernel{stage}", tuple(sorted(set(self.kernels))), ordered=True)
            yield Decision(f"expansion{stage}", tuple(sorted(set(self.expansions))), ordered=True)
            yield Decision(f"width{stage}", tuple(sorted(widths)), ordered=True)
        for step in range(len(self.widths)):
            yield Decision(f"up{step}", UPSAMPLINGS)
            yield Decision(f"filter{step}", tuple(sorted(set(self.filters))), ordered=True)

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """A stage follows from its choices and the width before, a step up from its own and the widths at both ends."""
        found = []
        for stage in range(len(self.widths)):
            before = [f"width{stage - 1}"] if stage else []
            own = [f"{word}{stage}" for word in ("kernel", "expansion", "width")]
            up = [f"{word}{stage}" for word in ("up", "filter")]
            found.append(Scope((f"down{stage}",), (*before, *own)))
            found.append(Scope((f"up{stage}",), (*before, f"width{stage}", *up)))
        return tuple(found)

    def lower(self, point: Point) -> Workload:
        """The graph of ops of a point of `space`; its output is (1, classes, H, W)."""
        _, height, width = self.input_shape
        channels, stride = self.stem
        ops: list[Op] = [*conv_bn("stem", IMAGE, channels, 3, stride=stride, function=Function.RELU6)]
        maps = [(ops[-1].name, channels, (height // stride, width // stride))]
        for stage in range(len(self.widths)):
            ops += self._down(stage, maps, point)
        source, channels, _ = maps[-1]
        for step in reversed(range(len(self.widths))):
            ops += _up(step, (source, channels), maps[step], point)
            source, channels = ops[-1].name, maps[step][1]
        ops.append(Conv2d("scores", (source,), self.classes, (1, 1), bias=True))
        if stride > 1:
            ops.append(Resize("labels", ("scores",), (height, width), Interpolation.BILINEAR))
        return Workload(self.name, ((IMAGE, (1, *self.input_shape)),), tuple(ops), (ops[-1].name,))

    def _down(self, stage: int, maps: list[tuple[str, int, Pair]], point: Point) -> Ops:
        """One bottleneck that halves the last map; the result is put behind it."""
        source, channels, (height, width) = maps[-1]
        kernel, expansion, out = (int(point[f"{word}{stage}"]) for word in ("kernel", "expansion", "width"))
        ops = block_ops(f"down{stage}", source, channels, Block(kernel, expansion, out, 2), Function.RELU6)
        maps.append((ops[-1].name, out, (height // 2, width // 2)))
        return ops


def _up(step: int, source: tuple[str, int], skip: tuple[str, int, Pair], point: Point) -> Ops:
    """A map at twice the size, joined with that of the encoder, and filtered to its width."""
    prefix, (name, channels), (beside, width, size) = f"up{step}", source, skip
    if point[prefix] == RESIZE:
        larger: Ops = (Resize(f"{prefix}.resize", (name,), size),)
    else:
        larger = _transposed(f"{prefix}.transposed", name, channels, size)
    joined = Concat(f"{prefix}.join", (larger[-1].name, beside), 1)
    filtered = Block(int(point[f"filter{step}"]), 1, width, 1, residual=False)
    return (*larger, joined, *block_ops(prefix, joined.name, channels + width, filtered, Function.RELU6))


def _transposed(prefix: str, source: str, channels: int, size: Pair) -> Ops:
    """A 2x2 transposed convolution of stride 2 that keeps the channels, up to a map of `size`."""
    builder = Builder(((source, (1, channels, size[0] // 2, size[1] // 2)),))
    image = transposed_convolution(builder, prefix, source, replace(TWICE, out_channels=channels), None)
    norm = BatchNorm(f"{prefix}.bn", (image,))
    return (*builder.ops.values(), norm, Elementwise(f"{prefix}.act", (norm.name,), Function.RELU6))

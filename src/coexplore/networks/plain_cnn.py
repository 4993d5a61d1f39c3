"""Which plain convolutional networks are there? Per layer the kernel, the filters and, if asked, the stride.

The family of (Jiang2019): a chain of convolution, batch normalisation and ReLU, and one linear layer; no pooling
between, no branches. With the published CIFAR-10 lists each layer has 16 choices at a fixed stride, 32 with strides.

References:
    Jiang2019: Jiang et al., Hardware/Software Co-Exploration of Neural Architectures, TCAD 2020, arXiv 1907.04650.

Departures:
    The published networks apply ReLU before batch normalisation. An even kernel has no symmetric padding that keeps the
    size, so such a layer adds one pixel. The stem, for images above 32 pixels, is ours.
"""

from __future__ import annotations

import enum
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from coexplore.core.errors import ConfigError
from coexplore.networks._layers import IMAGE, conv_bn, flat_classifier, pooled_classifier
from coexplore.networks.network import NETWORK_FAMILIES, ImageShape, check_image_settings, workload_input
from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Point, Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Op

Layer = tuple[int, int, int]
"""Kernel, filters, stride."""

STEMS: tuple[tuple[int, tuple[int, int]], ...] = ((32, (0, 1)), (64, (24, 2)))
"""Up to this many pixels on the longer side, a stem of these filters and this stride (ours)."""
LARGE_STEM = (24, 4)
"""Stem of larger images."""


class Head(enum.Enum):
    """What turns the last map into features of the classifier."""

    FLATTEN = "flatten"
    """Every pixel of every channel (Jiang2019)."""
    AVERAGE = "average"
    """The mean of every channel."""


@NETWORK_FAMILIES.register("plain-cnn")
@dataclass(frozen=True)
class PlainCnn:
    """Chains of convolutions: kernel, filters and stride of every layer.

    Decisions `layers` (where there is a choice), and `kernel0`, `filters0`, `stride0`, `kernel1` and so on. Layers
    beyond the chosen depth have no decisions; `stride0` and so on exist only where there is a choice.

    Raises:
        ConfigError: a setting is not legal; the message names it.
    """

    name: ClassVar[str] = "plain-cnn"

    input_shape: ImageShape = (1, 8, 8)
    """(C, H, W) of the data."""
    classes: int = 10
    resolution: int | None = None
    """Height and width the data is resized to; None keeps those of `input_shape`."""
    stem: tuple[int, int] | None = None
    """Filters and stride of a convolution before the layers, (0, 1) for none; None derives it from the resolution."""
    layers: tuple[int, ...] = (4,)
    """Depths to choose from."""
    kernels: tuple[int, ...] = (1, 3, 5, 7)
    filters: tuple[int, ...] = (24, 36, 48, 64)
    strides: tuple[int, ...] = (1,)
    """One value is a fixed stride."""
    head: Head = Head.FLATTEN

    def __post_init__(self) -> None:
        check_image_settings(self.name, self.input_shape, self.classes, self.resolution)
        for field in ("layers", "kernels", "filters", "strides"):
            values: tuple[int, ...] = getattr(self, field)
            if not values or min(values) < 1:
                raise ConfigError(f"{self.name}.{field} is {values}; give one or more numbers, each at least 1")
        if self.stem is not None and (self.stem[0] < 0 or self.stem[1] < 1):
            raise ConfigError(f"{self.name}.stem is {self.stem}; give filters and a stride, or (0, 1) for none")

    @cached_property
    def stem_layer(self) -> tuple[int, int]:
        """Filters and stride of the stem after the default: none up to 32 pixels, then a stride of 2, then of 4."""
        if self.stem is not None:
            return self.stem
        size = max(workload_input(self.input_shape, self.resolution)[1:])
        return next((stem for limit, stem in STEMS if size <= limit), LARGE_STEM)

    @cached_property
    def space(self) -> Space:
        """Depth first, then each layer."""
        return Space(tuple(self._decisions()))

    def shaped_by(self, decision: str) -> str:
        """The convolution of a decision; the depth shapes all."""
        number = decision.lstrip(string.ascii_letters)
        return f"conv{number}" if number else ""

    def _decisions(self) -> Iterator[Decision]:
        depths = tuple(sorted(set(self.layers)))
        if len(depths) > 1:
            yield Decision("layers", depths, ordered=True)
        for layer in range(depths[-1]):
            deep_enough = tuple(depth for depth in depths if depth > layer)
            condition = Condition("layers", deep_enough) if deep_enough != depths else None
            yield Decision(f"kernel{layer}", tuple(sorted(set(self.kernels))), ordered=True, condition=condition)
            yield Decision(f"filters{layer}", tuple(sorted(set(self.filters))), ordered=True, condition=condition)
            if len(set(self.strides)) > 1:
                yield Decision(f"stride{layer}", tuple(sorted(set(self.strides))), ordered=True, condition=condition)

    def lower(self, point: Point) -> Workload:
        """The graph of ops of a point of `space`."""
        depth = int(point.get("layers", self.layers[0]))
        return self.assemble(
            [
                (int(point[f"kernel{i}"]), int(point[f"filters{i}"]), int(point.get(f"stride{i}", self.strides[0])))
                for i in range(depth)
            ]
        )

    def assemble(self, layers: Sequence[Layer]) -> Workload:
        """The graph of ops of a list of layers (kernel, filters, stride), inside the space or not; a batch of one."""
        ops: list[Op] = []
        filters, stride = self.stem_layer
        if filters:
            ops += conv_bn("stem", IMAGE, filters, max(3, 2 * stride - 1), stride=stride, bias=True)
        for index, (kernel, filters, stride) in enumerate(layers):
            source = ops[-1].name if ops else IMAGE
            ops += conv_bn(f"conv{index}", source, filters, kernel, stride=stride, bias=True)
        head = {Head.FLATTEN: flat_classifier, Head.AVERAGE: pooled_classifier}[self.head]
        ops += head(ops[-1].name, self.classes)
        shape = workload_input(self.input_shape, self.resolution)
        return Workload(self.name, ((IMAGE, (1, *shape)),), tuple(ops), ("fc",))

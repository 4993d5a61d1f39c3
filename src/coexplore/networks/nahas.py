"""Which networks does NAHAS search? S1 to S3: inverted bottlenecks on the stages of a known network, block by block.

S1 is MobileNetV2's table of stages and S2 EfficientNet-B0's, without squeeze-excite and swish, which the device does
not have. Every block has a kernel of its own, and all but those that never widen an expansion of their own: 3 x 6^16
and 3 x 6^15 networks. In S3 a block may also be fused, one k x k convolution in place of the first 1x1 and the
depthwise one, in groups or not, and the filters of every stage are scaled.

References:
    Zhou2021: Zhou et al., Rethinking Co-design of Neural Architectures and Hardware Accelerators, arXiv 2102.08619.
        The reading of S1 and S2 is recalled, and confirmed by the size of S1.
    Sandler2018: Sandler et al., MobileNetV2, CVPR 2018, Table 2. TanLe2019: Tan & Le, EfficientNet, ICML 2019, Table 1.

Departures:
    The choices of S3 are not published: groups of 1, 2 and 4, filters of a stage times 0.75, 1 or 1.25 (blocks of a
    stage share it, so that inputs can be added), and the stages of S2 are ours. A fused convolution strides itself, and
    is followed by ReLU6 and the last 1x1, as an unfused pair is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from coexplore.core.errors import ConfigError
from coexplore.networks._block_chains import (
    FUSED,
    NORMAL,
    Row,
    chain_scopes,
    check_chain,
    lower_chain,
    plain_point,
    shape_decisions,
    sites,
)
from coexplore.networks.inverted_bottleneck import MOBILENET_V2, round_channels
from coexplore.networks.mnasnet_like import EFFICIENTNET_B0
from coexplore.networks.network import NETWORK_FAMILIES, NETWORK_PRESETS, ImageShape
from coexplore.networks.unique_ops import Scope
from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Point, Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Function

MOBILENET_V2_STAGES: tuple[Row, ...] = tuple((3, *row) for row in MOBILENET_V2.rows)
EFFICIENTNET_B0_STAGES: tuple[Row, ...] = tuple(
    (stage.kernel, stage.expansion, stage.width, stage.depth, stage.stride) for stage in EFFICIENTNET_B0
)
LARGE_IMAGE: ImageShape = (3, 224, 224)


@dataclass(frozen=True)
class _Blocks:
    """A table of stages whose blocks choose for themselves: the settings and ways of S1 to S3, by default S2's."""

    name: ClassVar[str]

    input_shape: ImageShape = LARGE_IMAGE
    """(C, H, W) of the data."""
    classes: int = 1000
    resolution: int | None = None
    """Height and width the data is resized to; None keeps those of `input_shape`."""
    stem: tuple[int, int] = (32, 2)
    """Width and stride of the first 3x3 convolution."""
    stages: tuple[Row, ...] = EFFICIENTNET_B0_STAGES
    """Rows (kernel, expansion, width, depth, stride); blocks of a row with expansion 1 never widen."""
    head: int = 1280
    """Width of the last 1x1 convolution, 0 for none."""
    kernels: tuple[int, ...] = (3, 5, 7)
    expansions: tuple[int, ...] = (3, 6)

    def __post_init__(self) -> None:
        check_chain(self)

    @cached_property
    def space(self) -> Space:
        """Kernel and expansion of every block, ordered."""
        return Space(tuple(found for site in sites(self.stages) for found in shape_decisions(self, site)))

    @cached_property
    def plain(self) -> Point:
        """The network of the table as it stands: MobileNetV2 for S1, EfficientNet-Lite0 for S2 and S3."""
        return plain_point(self, self.space)

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """A block follows from its own choices; of S3 also from the width of its stage, and of the one before."""
        return chain_scopes(self, self.space)

    def lower(self, point: Point) -> Workload:
        """The graph of ops of a point of `space`; blocks are numbered through from 0."""
        return lower_chain(self, point, Function.RELU6)


@NETWORK_FAMILIES.register("nahas-s1")
@dataclass(frozen=True)
class NahasS1(_Blocks):
    """MobileNetV2's stages, kernel and expansion of every block its own: 3 x 6^16 networks (Zhou2021).

    Decisions `kernel0`, `kernel1`, `expansion1` and so on.

    Raises:
        ConfigError: a setting is not legal; the message names it.
    """

    name: ClassVar[str] = "nahas-s1"

    stem: tuple[int, int] = MOBILENET_V2.stem
    stages: tuple[Row, ...] = MOBILENET_V2_STAGES
    head: int = MOBILENET_V2.head


@NETWORK_FAMILIES.register("nahas-s2")
@dataclass(frozen=True)
class NahasS2(_Blocks):
    """EfficientNet-B0's stages without squeeze-excite, kernel and expansion of every block: 3 x 6^15 (Zhou2021).

    Decisions `kernel0`, `kernel1`, `expansion1` and so on.

    Raises:
        ConfigError: a setting is not legal; the message names it.
    """

    name: ClassVar[str] = "nahas-s2"


@NETWORK_FAMILIES.register("nahas-s3")
@dataclass(frozen=True)
class NahasS3(_Blocks):
    """S2 whose blocks may also be fused, in groups or not, and whose stages have scaled filters; choices are ours.

    Decisions `width0` for a stage, before those of its blocks: `kind0`, `kernel0`, `expansion0` where there is a
    choice, and `groups0` of a fused one.

    Raises:
        ConfigError: a setting is not legal; the message names it.
    """

    name: ClassVar[str] = "nahas-s3"

    groups: tuple[int, ...] = (1, 2, 4)
    """Of a fused convolution; each divides all widths."""
    width_factors: tuple[float, ...] = (0.75, 1.0, 1.25)
    """Times the width of the row, rounded to a multiple of 8; a factor of 1 alone keeps it as it is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.groups or min(self.groups) < 1:
            raise ConfigError(f"{self.name}.groups is {self.groups}; give one or more numbers, each at least 1")
        if not self.width_factors or min(self.width_factors) <= 0:
            raise ConfigError(f"{self.name}.width_factors is {self.width_factors}; give one or more positive numbers")
        widths = {self.stem[0]}.union(*map(self._widths, range(len(self.stages))))
        for width, group in ((width, group) for width in sorted(widths) for group in self.groups if width % group):
            raise ConfigError(
                f"{self.name}.groups is {self.groups}; {group} does not divide {width} channels, so change one of both"
            )

    def _widths(self, stage: int) -> set[int]:
        width = self.stages[stage][2]
        return {width if factor == 1 else round_channels(factor * width) for factor in self.width_factors}

    @cached_property
    def space(self) -> Space:
        """Width of every stage; kind, kernel, expansion and groups of every block."""
        return Space(tuple(self._decisions()))

    def _decisions(self) -> Iterator[Decision]:
        for site in sites(self.stages):
            if site.first:
                yield Decision(f"width{site.stage}", tuple(sorted(self._widths(site.stage))), ordered=True)
            yield Decision(f"kind{site.index}", (NORMAL, FUSED))
            yield from shape_decisions(self, site)
            fused = Condition(f"kind{site.index}", (FUSED,))
            yield Decision(f"groups{site.index}", tuple(sorted(set(self.groups))), ordered=True, condition=fused)


@NETWORK_PRESETS.register("efficientnet-lite0")
def efficientnet_lite0(input_shape: ImageShape = LARGE_IMAGE, classes: int = 1000) -> Workload:
    """EfficientNet-B0 without squeeze-excite and with ReLU6, the plain network of S2, for a batch of one.

    Raises:
        ConfigError: an argument is not legal.
    """
    family = NahasS2(input_shape, classes)
    return dataclasses.replace(family.lower(family.plain), name="efficientnet-lite0")

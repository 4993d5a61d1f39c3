"""Which networks does TuNAS search by default? The ProxylessNAS-style space: kernel, expansion or nothing at a place.

A stem, one separable convolution, five stages of four inverted bottlenecks and a final one. Every place has a kernel
and an expansion, and all but the first of a stage may be passed over: 3 x 6^6 x 7^15 networks. Where passing over is
one decision of three that are always written out, there are 3 x 6^6 x 12^15 genotypes; here kernel and expansion of a
block that is passed over are no decisions, so no two points differ in choices that nobody sees.

References:
    Bender2020: Bender et al., Can Weight Sharing Outperform Random Architecture Search? (TuNAS), CVPR 2020,
        arXiv 2008.06120; published code, `tunas/mobile_search_space_v3.py` and `tunas/mobile_model_archive.py`.
    Cai2019: Cai et al., ProxylessNAS, ICLR 2019, arXiv 1812.00332.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from coexplore.networks._block_chains import (
    Row,
    chain_scopes,
    check_chain,
    lower_chain,
    plain_point,
    shape_decisions,
    sites,
)
from coexplore.networks.network import NETWORK_FAMILIES, NETWORK_PRESETS, ImageShape
from coexplore.networks.unique_ops import Scope
from coexplore.spaces.decision import Condition, Decision, Value
from coexplore.spaces.space import Point, Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Function

LARGE_IMAGE: ImageShape = (3, 224, 224)
STRIDES, DEPTHS = (1, 2, 2, 2, 1, 2, 1), (1, 4, 4, 4, 4, 4, 1)
PASSED_OVER = 6
"""In a list of operations as published: 0 to 5 are kernels 3, 5, 7 with expansion 3, then with expansion 6."""
PROXYLESS_MOBILE = (1, 0, 6, 6, 2, 0, 1, 1, 5, 1, 1, 1, 4, 1, 1, 1, 5, 5, 2, 2, 5)
"""The operations of ProxylessNAS-Mobile after the separable convolution, whose kernel is 3 (Bender2020)."""


def stages_of(widths: Sequence[int]) -> tuple[Row, ...]:
    """The table for seven widths: of the separable convolution, the five stages and the final bottleneck."""
    expansions = (1, *(6,) * 6)
    return tuple((3, *row) for row in zip(expansions, widths, DEPTHS, STRIDES, strict=True))


@NETWORK_FAMILIES.register("proxyless")
@dataclass(frozen=True)
class Proxyless:
    """The ProxylessNAS-style space of TuNAS: kernel and expansion of 22 blocks, 15 may be passed over (Bender2020).

    Decisions `kernel0`, `kernel1`, `expansion1`, `skip2` and so on; a block that is skipped has no other ones.

    Raises:
        ConfigError: a setting is not legal; the message names it.
    """

    name: ClassVar[str] = "proxyless"

    input_shape: ImageShape = LARGE_IMAGE
    """(C, H, W) of the data."""
    classes: int = 1000
    resolution: int | None = None
    """Height and width the data is resized to; None keeps those of `input_shape`."""
    stem: tuple[int, int] = (32, 2)
    """Width and stride of the first 3x3 convolution."""
    stages: tuple[Row, ...] = stages_of((16, 32, 40, 80, 96, 192, 320))
    """Rows (kernel, expansion, width, depth, stride); all blocks of a row but the first may be passed over."""
    head: int = 1280
    """Width of the last 1x1 convolution, 0 for none."""
    kernels: tuple[int, ...] = (3, 5, 7)
    expansions: tuple[int, ...] = (3, 6)

    def __post_init__(self) -> None:
        check_chain(self)

    @cached_property
    def space(self) -> Space:
        """Whether a block is passed over, its kernel and its expansion."""
        return Space(tuple(self._decisions()))

    def _decisions(self) -> Iterator[Decision]:
        for site in sites(self.stages):
            if site.first:
                yield from shape_decisions(self, site)
            else:
                yield Decision(f"skip{site.index}", (False, True))
                yield from shape_decisions(self, site, Condition(f"skip{site.index}", (False,)))

    @cached_property
    def plain(self) -> Point:
        """The network of the table as it stands, nothing passed over."""
        return plain_point(self, self.space)

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """Every block follows from its own choices: the first of a stage, which stays, has set the width."""
        return chain_scopes(self, self.space)

    def point_of(self, operations: Sequence[int]) -> Point:
        """The point of operations as published, one per block: see `PASSED_OVER`.

        Raises:
            SpaceError: an operation is not among the choices.
            ValueError: there are more or fewer than blocks.
        """
        assignment: dict[str, Value] = {}
        for site, operation in zip(sites(self.stages), operations, strict=True):
            if not site.first:
                assignment[f"skip{site.index}"] = operation == PASSED_OVER
            if operation != PASSED_OVER:
                assignment[f"kernel{site.index}"] = 3 + 2 * (operation % 3)
                if site.row[1] > 1:
                    assignment[f"expansion{site.index}"] = 3 * (1 + operation // 3)
        return self.space.point(assignment)

    def lower(self, point: Point) -> Workload:
        """The graph of ops of a point of `space`; a block that is passed over keeps its number."""
        return lower_chain(self, point, Function.RELU)


@NETWORK_PRESETS.register("proxylessnas-mobile")
def proxylessnas_mobile(input_shape: ImageShape = LARGE_IMAGE, classes: int = 1000) -> Workload:
    """ProxylessNAS-Mobile (Cai2019, as in Bender2020), for a batch of one.

    Raises:
        ConfigError: an argument is not legal.
    """
    family = Proxyless(input_shape, classes)
    return dataclasses.replace(family.lower(family.point_of((0, *PROXYLESS_MOBILE))), name="proxylessnas-mobile")

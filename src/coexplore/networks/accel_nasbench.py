"""Which networks has Accel-NASBench? Seven MnasNet-like stages, each with expansion, kernel, depth, squeeze-excite.

36^6 x 48 networks, of which the benchmark trained 4,626. Decisions are named as the columns of its table; the geometry
is that of `coexplore.networks.mnasnet_like`, with which the parameters agree.

References:
    Ahmad2024: Ahmad et al., Accel-NASBench, DAC 2024.

Departures:
    Which values the space has is read off the table: stage 5 alone goes up to a depth of 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from coexplore.core.errors import ConfigError, SpaceError
from coexplore.networks.mnasnet_like import ACCEL_STRIDES, ACCEL_WIDTHS, Block, Stage, assemble_blocks, stage_blocks
from coexplore.networks.network import NETWORK_FAMILIES, ImageShape, check_image_settings, workload_input
from coexplore.networks.unique_ops import Scope
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Function

STAGES = len(ACCEL_WIDTHS)
KNOBS = ("e", "k", "l", "se")
"""Expansion, kernel, number of blocks, squeeze-excite of a stage: as the benchmark's table has them."""
_STAGE = re.compile(r"e(\d+)k(\d+)l(\d+)s([01])")


@NETWORK_FAMILIES.register("accel-nasbench")
@dataclass(frozen=True)
class AccelNasBench:
    """The MnasNet-like space of Accel-NASBench: expansion, kernel, depth, squeeze-excite of 7 stages (Ahmad2024).

    Decisions `block0_e`, `block0_k`, `block0_l`, `block0_se`, `block1_e` and so on, as its table calls them.

    Raises:
        ConfigError: a setting is not legal; the message names it.
    """

    name: ClassVar[str] = "accel-nasbench"

    input_shape: ImageShape = (3, 224, 224)
    """(C, H, W) of the data."""
    classes: int = 1000
    resolution: int | None = None
    """Height and width the data is resized to; None keeps those of `input_shape`."""
    expansions: tuple[int, ...] = (1, 4, 6)
    kernels: tuple[int, ...] = (3, 5)
    depths: tuple[int, ...] = (3, 3, 3, 3, 3, 4, 3)
    """Most blocks of each stage; the least is 1."""
    squeezes: tuple[int, ...] = (0, 1)
    """Without and with squeeze-excite."""

    def __post_init__(self) -> None:
        check_image_settings(self.name, self.input_shape, self.classes, self.resolution)
        if not self.expansions or min(self.expansions) < 1:
            raise ConfigError(f"{self.name}.expansions is {self.expansions}; give one or more numbers, each at least 1")
        if not self.kernels or any(kernel < 1 or kernel % 2 == 0 for kernel in self.kernels):
            raise ConfigError(f"{self.name}.kernels is {self.kernels}; give one or more odd and positive numbers")
        if len(self.depths) != STAGES or min(self.depths) < 1:
            raise ConfigError(f"{self.name}.depths is {self.depths}; give {STAGES} numbers, each at least 1")
        if not self.squeezes or not set(self.squeezes) <= {0, 1}:
            raise ConfigError(f"{self.name}.squeezes is {self.squeezes}; give 0, 1 or both")

    @cached_property
    def space(self) -> Space:
        """Four decisions per stage, all of them ordered."""
        return Space(tuple(self._decisions()))

    def _decisions(self) -> Iterator[Decision]:
        for stage, most in enumerate(self.depths):
            for word, values in (
                ("e", self.expansions),
                ("k", self.kernels),
                ("l", tuple(range(1, most + 1))),
                ("se", self.squeezes),
            ):
                yield Decision(f"block{stage}_{word}", tuple(sorted(set(values))), ordered=True)

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """Every stage follows from its own decisions."""
        return tuple(
            Scope(
                tuple(f"block{sum(self.depths[:stage]) + index}" for index in range(most)),
                tuple(f"block{stage}_{word}" for word in ("e", "k", "l", "se")),
            )
            for stage, most in enumerate(self.depths)
        )

    def lower(self, point: Point) -> Workload:
        """The graph of ops of a point of `space`; block numbers count the blocks that a deeper stage would have."""
        blocks: list[Block | None] = []
        for stage, most in enumerate(self.depths):
            e, k, depth, squeeze = (int(point[f"block{stage}_{word}"]) for word in ("e", "k", "l", "se"))
            row = Stage(k, e, ACCEL_WIDTHS[stage], depth, ACCEL_STRIDES[stage])
            blocks += [*stage_blocks(row, squeeze=bool(squeeze)), *[None] * (most - depth)]
        shape = workload_input(self.input_shape, self.resolution)
        return assemble_blocks(self.label(point), shape, blocks, Function.SILU, classes=self.classes)

    def label(self, point: Point) -> str:
        """The settings of all stages in short."""
        return settings_label([int(point[f"block{stage}_{knob}"]) for stage in range(STAGES) for knob in KNOBS])

    def labelled(self, label: str) -> Point | None:
        """The point of that label; None where the space has none."""
        stages = [_STAGE.fullmatch(text) for text in label.split("|")]
        names = [f"block{stage}_{knob}" for stage in range(STAGES) for knob in KNOBS]
        values = [int(value) for match in stages if match is not None for value in match.groups()]
        if len(stages) != STAGES or len(values) != len(names):
            return None
        try:
            return self.space.point(dict(zip(names, values, strict=True)))
        except SpaceError:
            return None


def settings_label(settings: Sequence[int]) -> str:
    """The name of a network: expansion, kernel, depth and squeeze-excite of each stage, as `e6k3l2s1|...`.

    Args:
        settings: in the order of the decisions, four a stage.
    """
    stages = (settings[begin : begin + len(KNOBS)] for begin in range(0, len(settings), len(KNOBS)))
    return "|".join(f"e{e}k{k}l{depth}s{squeeze}" for e, k, depth, squeeze in stages)

"""How does a table of stages become a chain of blocks, each with choices of its own? Decisions, scopes, workloads.

Decisions are named by the number of the block (`kernel3`) or of the stage (`width2`). Those that a space does not have
keep what the table says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from coexplore.core.errors import ConfigError
from coexplore.networks.mnasnet_like import Block, assemble_blocks
from coexplore.networks.network import ImageShape, check_image_settings, workload_input
from coexplore.networks.unique_ops import Scope
from coexplore.spaces.decision import Condition, Decision, Value
from coexplore.spaces.space import Point, Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Function

Row = tuple[int, int, int, int, int]
"""Kernel, expansion, width, depth, stride of one stage."""

BY_BLOCK = ("skip", "kind", "kernel", "expansion", "groups")
"""Names of decisions about one block, before its number."""
FUSED, NORMAL = "fused", "normal"
"""Values of `kind0`, `kind1`, ..."""


class ChainSettings(Protocol):
    """The settings that all such families share."""

    @property
    def name(self) -> str:
        """The name under which the family is registered."""
        ...

    @property
    def input_shape(self) -> ImageShape:
        """(C, H, W) of the data."""
        ...

    @property
    def classes(self) -> int:
        """Outputs of the classifier."""
        ...

    @property
    def resolution(self) -> int | None:
        """Height and width the data is resized to; None keeps those of `input_shape`."""
        ...

    @property
    def stem(self) -> tuple[int, int]:
        """Width and stride of the first 3x3 convolution."""
        ...

    @property
    def stages(self) -> tuple[Row, ...]:
        """The table; blocks of a row with expansion 1 never widen."""
        ...

    @property
    def head(self) -> int:
        """Width of the last 1x1 convolution, 0 for none."""
        ...

    @property
    def kernels(self) -> tuple[int, ...]:
        """Of every block."""
        ...

    @property
    def expansions(self) -> tuple[int, ...]:
        """Of every block that widens."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a block."""

    index: int
    """Number of the block, from 0."""
    stage: int
    first: bool
    """Whether it begins the stage, and so has its stride."""
    row: Row


def sites(stages: tuple[Row, ...]) -> list[Site]:
    """The blocks of a table, in order."""
    found: list[Site] = []
    for stage, row in enumerate(stages):
        found += [Site(len(found) + block, stage, block == 0, row) for block in range(row[3])]
    return found


def shape_decisions(settings: ChainSettings, site: Site, condition: Condition | None = None) -> Iterator[Decision]:
    """Kernel and, where the row widens, expansion of a block."""
    kernels, expansions = tuple(sorted(set(settings.kernels))), tuple(sorted(set(settings.expansions)))
    yield Decision(f"kernel{site.index}", kernels, ordered=True, condition=condition)
    if site.row[1] > 1:
        yield Decision(f"expansion{site.index}", expansions, ordered=True, condition=condition)


def plain_point(settings: ChainSettings, space: Space) -> Point:
    """The network of the table as it stands: nothing passed over, nothing fused.

    Raises:
        SpaceError: an entry of the table is not among the choices.
    """
    names, assignment = set(space.names), dict[str, Value]()
    for site in sites(settings.stages):
        kernel, expansion, width, _, _ = site.row
        own: dict[str, Value] = {"skip": False, "kind": NORMAL, "kernel": kernel, "expansion": expansion}
        assignment |= {f"{word}{site.index}": value for word, value in own.items()} | {f"width{site.stage}": width}
    return space.point({name: value for name, value in assignment.items() if name in names})


def chain_scopes(settings: ChainSettings, space: Space) -> tuple[Scope, ...]:
    """A block follows from its own choices, the width of its stage, and where it begins one the width before."""
    found, names = list[Scope](), set(space.names)
    for site in sites(settings.stages):
        widths = [f"width{site.stage - 1}"] if site.first and site.stage else []
        asked = [*widths, f"width{site.stage}", *(f"{word}{site.index}" for word in BY_BLOCK)]
        found.append(Scope((f"block{site.index}",), tuple(name for name in asked if name in names)))
    last = f"width{len(settings.stages) - 1}"
    ends = ("conv_head",) if settings.head else ("pool", "fc")
    return (*found, Scope(ends, (last,))) if last in names else tuple(found)


def lower_chain(settings: ChainSettings, point: Point, function: Function) -> Workload:
    """The graph of ops of a point; block `n` is named `block<n>`, also where others are passed over."""
    width, stride = settings.stem
    return assemble_blocks(
        settings.name,
        workload_input(settings.input_shape, settings.resolution),
        [_block(site, point) for site in sites(settings.stages)],
        function,
        stem=width,
        stem_stride=stride,
        head=settings.head,
        classes=settings.classes,
    )


def _block(site: Site, point: Point) -> Block | None:
    kernel, expansion, width, _, stride = site.row
    if point.get(f"skip{site.index}", False):
        return None
    return Block(
        int(point.get(f"kernel{site.index}", kernel)),
        int(point.get(f"expansion{site.index}", expansion)),
        int(point.get(f"width{site.stage}", width)),
        stride if site.first else 1,
        fused=point.get(f"kind{site.index}") == FUSED,
        groups=int(point.get(f"groups{site.index}", 1)),
        strides_last=False,
    )


def check_chain(settings: ChainSettings) -> None:
    """Check the shared settings.

    Raises:
        ConfigError: naming the field.
    """
    name = settings.name
    check_image_settings(name, settings.input_shape, settings.classes, settings.resolution)
    if not settings.kernels or any(kernel < 1 or kernel % 2 == 0 for kernel in settings.kernels):
        raise ConfigError(f"{name}.kernels is {settings.kernels}; give one or more odd and positive numbers")
    if not settings.expansions or min(settings.expansions) < 1:
        raise ConfigError(f"{name}.expansions is {settings.expansions}; give one or more numbers, each at least 1")
    if min(settings.stem) < 1:
        raise ConfigError(f"{name}.stem is {settings.stem}; give a width and a stride of at least 1")
    if not settings.stages:
        raise ConfigError(f"{name}.stages is empty; give at least one row (kernel, expansion, width, depth, stride)")
    for index, row in enumerate(settings.stages):
        if min(row) < 1 or row[0] % 2 == 0:
            raise ConfigError(
                f"{name}.stages[{index}] is {row}; give (kernel, expansion, width, depth, stride), each at least 1 and "
                "the kernel odd"
            )
    if settings.head < 0:
        raise ConfigError(f"{name}.head is {settings.head}; give a width, or 0 for none")

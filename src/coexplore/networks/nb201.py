"""Which network is a NAS-Bench-201 cell? Six edges, one of five operations each, in a fixed skeleton.

A cell has four nodes; node j is the sum of an operation on each earlier node. Three stages of equal cells, a residual
block that halves the map and doubles the width between them.

References:
    Dong2020: Dong & Yang, NAS-Bench-201, ICLR 2020, arXiv 2001.00326, Fig. 1.

Departures:
    Edges of the operation `none` are left out, not multiplied by zero; a node without any edge is a constant zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from coexplore.core.errors import ConfigError
from coexplore.networks._layers import IMAGE, Ops, conv_bn, pooled_classifier
from coexplore.networks.network import NETWORK_FAMILIES, ImageShape, check_image_settings
from coexplore.networks.unique_ops import Scope
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import BatchNorm, Constant, Conv2d, Elementwise, Function, Op, Pool2d, Pooling, Shape

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
"""(to, from) of the edges of a cell, in the order in which their operations are given."""
WIDTHS = (16, 32, 64)


@NETWORK_FAMILIES.register("nb201")
@dataclass(frozen=True, slots=True)
class Nb201:
    """The 15,625 networks of NAS-Bench-201 (Dong2020): the operation on each of the six edges of a cell.

    Raises:
        ConfigError: a setting is not legal; the message names it.
    """

    name: ClassVar[str] = "nb201"

    input_shape: ImageShape = (3, 32, 32)
    """(C, H, W) of the data; that of the published tables is 3 x 32 x 32."""
    classes: int = 10
    cells: int = 5
    """Cells per stage."""

    def __post_init__(self) -> None:
        check_image_settings(self.name, self.input_shape, self.classes, None)
        if self.cells < 1:
            raise ConfigError(f"{self.name}.cells is {self.cells}; give at least 1")

    @property
    def space(self) -> Space:
        """`edge1_0` is the operation on the way to node 1 from node 0, and so on."""
        return Space(tuple(Decision(f"edge{to}_{origin}", OPERATIONS) for to, origin in EDGES))

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The convolution on every edge follows from its own operation."""
        cells = [f"cell{stage}.{index}" for stage in range(len(WIDTHS)) for index in range(self.cells)]
        return tuple(
            Scope(tuple(f"{cell}.{origin}to{to}" for cell in cells), (f"edge{to}_{origin}",)) for to, origin in EDGES
        )

    def lower(self, point: Point) -> Workload:
        """The graph of ops of a point of `space`, named as in the published tables."""
        operations = _operations(point)
        return nb201(operations, self.input_shape, self.classes, self.cells, arch_string(operations))

    def label(self, point: Point) -> str:
        """The name of a point of `space` in the published tables."""
        return arch_string(_operations(point))


def _operations(point: Point) -> list[str]:
    return [str(point[f"edge{to}_{origin}"]) for to, origin in EDGES]


def arch_string(operations: Sequence[str]) -> str:
    """The name of a cell in the published tables: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`."""
    edges = list(zip(EDGES, operations, strict=True))
    nodes = ("".join(f"|{op}~{origin}" for (to, origin), op in edges if to == node) for node in (1, 2, 3))
    return "+".join(f"{node}|" for node in nodes)


def nb201(
    operations: Sequence[str],
    input_shape: ImageShape = (3, 32, 32),
    classes: int = 10,
    cells: int = 5,
    name: str = "nb201",
) -> Workload:
    """The network of a cell, for a batch of one.

    Args:
        operations: one of `OPERATIONS` for each of `EDGES`.
        input_shape: (C, H, W); the published skeleton reads 3 x 32 x 32.
        classes: outputs of the classifier.
        cells: cells per stage.
        name: of the workload.

    Raises:
        ConfigError: an argument is not legal.
    """
    check_image_settings("nb201", input_shape, classes, None)
    if len(operations) != len(EDGES) or not set(operations) <= set(OPERATIONS):
        raise ConfigError(f"nb201.operations is {tuple(operations)}; give {len(EDGES)} of {', '.join(OPERATIONS)}")
    if cells < 1:
        raise ConfigError(f"nb201.cells is {cells}; give at least 1")
    _, height, width = input_shape
    ops: list[Op] = [*conv_bn("stem", IMAGE, WIDTHS[0], 3, function=None)]
    last = ops[-1].name
    for stage, channels in enumerate(WIDTHS):
        if stage > 0:
            ops += _reduction(f"reduction{stage}", last, channels)
            last = ops[-1].name
            height, width = height // 2, width // 2
        for index in range(cells):
            shape = (1, channels, height, width)
            cell, last = _cell(f"cell{stage}.{index}", last, shape, tuple(operations))
            ops += cell
    ops += [BatchNorm("last.bn", (last,)), Elementwise("last.act", ("last.bn",), Function.RELU)]
    return Workload(name, ((IMAGE, (1, *input_shape)),), (*ops, *pooled_classifier("last.act", classes)), ("fc",))


def _cell(prefix: str, source: str, shape: Shape, operations: tuple[str, ...]) -> tuple[Ops, str]:
    """Ops of a cell, and the name of what it puts out: its input where every edge to the end only passes it on."""
    nodes, ops = [source], list[Op]()
    for node in (1, 2, 3):
        arrived = []
        for (to, origin), operation in zip(EDGES, operations, strict=True):
            if to == node and operation != "none":
                edge = _edge(f"{prefix}.{origin}to{to}", nodes[origin], shape[1], operation)
                ops += edge
                arrived.append(edge[-1].name if edge else nodes[origin])
        total = _sum(f"{prefix}.node{node}", arrived, shape)
        ops += total
        nodes.append(total[-1].name if total else arrived[0])
    return tuple(ops), nodes[-1]


def _edge(name: str, source: str, channels: int, operation: str) -> Ops:
    if operation == "skip_connect":
        return ()
    if operation == "avg_pool_3x3":
        return (Pool2d(name, (source,), Pooling.AVERAGE, kernel=(3, 3), stride=(1, 1), padding=(1, 1)),)
    activation = Elementwise(f"{name}.act", (source,), Function.RELU)
    kernel = 3 if operation == "nor_conv_3x3" else 1
    return (activation, *conv_bn(name, activation.name, channels, kernel, function=None))


def _sum(prefix: str, sources: list[str], shape: Shape) -> Ops:
    """Sum of what arrives at a node; nothing when one edge arrives, a zero when none does."""
    if not sources:
        return (Constant(prefix, (), shape),)
    ops: list[Op] = []
    total = sources[0]
    for index, source in enumerate(sources[1:]):
        ops.append(Elementwise(f"{prefix}.add{index}", (total, source), Function.ADD))
        total = ops[-1].name
    return tuple(ops)


def _reduction(prefix: str, source: str, channels: int) -> Ops:
    activation = Elementwise(f"{prefix}.act", (source,), Function.RELU)
    first = conv_bn(f"{prefix}.conv1", activation.name, channels, 3, stride=2, function=None)
    middle = Elementwise(f"{prefix}.act2", (first[-1].name,), Function.RELU)
    second = conv_bn(f"{prefix}.conv2", middle.name, channels, 3, function=None)
    pool = Pool2d(f"{prefix}.pool", (source,), Pooling.AVERAGE, kernel=(2, 2), stride=(2, 2))
    shortcut = Conv2d(f"{prefix}.shortcut", (pool.name,), out_channels=channels, kernel=(1, 1))
    total = Elementwise(f"{prefix}.add", (second[-1].name, shortcut.name), Function.ADD)
    return (activation, *first, middle, *second, pool, shortcut, total)

"""Which networks has NAS-Bench-Macro? Eight blocks, each passed over or an inverted bottleneck of one of two sizes.

A 3x3 stem of 32 channels, stages of 2, 3 and 3 blocks with 64, 128 and 256 channels whose first block halves the map, a
1x1 convolution to 1,280 channels, and the classifier. The name of a network is its eight digits, as in the table.

References:
    Su2021: Su et al., Prioritized Architecture Sampling with Monto-Carlo Tree Search, CVPR 2021 (NAS-Bench-Macro). The
        skeleton is recalled; multiply-accumulates and parameters of all networks are those of the published table.

Departures:
    Which function follows a convolution is not in the table; it is ReLU6 here, as in inverted bottlenecks elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from coexplore.networks._layers import IMAGE, Ops, conv_bn, pooled_classifier
from coexplore.networks.network import NETWORK_FAMILIES, ImageShape, check_image_settings
from coexplore.networks.unique_ops import Scope
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Elementwise, Function

STAGES = ((64, 2), (128, 3), (256, 3))
"""Channels and blocks."""
BLOCKS = 8
STEM, LAST = 32, 1280
BOTTLENECKS = {1: (3, 3), 2: (5, 6)}
"""Kernel and expansion by digit; 0 is no block, or a 1x1 convolution where the map is halved."""


@NETWORK_FAMILIES.register("nas-bench-macro")
@dataclass(frozen=True, slots=True)
class NasBenchMacro:
    """The 6,561 networks of NAS-Bench-Macro (Su2021), whose accuracies on CIFAR-10 are in a table.

    Raises:
        ConfigError: a setting is not legal; the message names it.
    """

    name: ClassVar[str] = "nas-bench-macro"

    input_shape: ImageShape = (3, 32, 32)
    """(C, H, W) of the data; those of the table are 3 x 32 x 32."""
    classes: int = 10

    def __post_init__(self) -> None:
        check_image_settings(self.name, self.input_shape, self.classes, None)

    @property
    def space(self) -> Space:
        """One digit per block; 0 passes it over, 1 is a small bottleneck, 2 a large one."""
        return Space(tuple(Decision(f"block{index}", (0, 1, 2), ordered=True) for index in range(BLOCKS)))

    def shaped_by(self, decision: str) -> str:
        """The ops of a block have its name."""
        return decision

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Every block follows from its own digit: whatever it is, the channels behind it are those of its stage."""
        names = [f"block{index}" for index in range(BLOCKS)]
        return tuple(Scope((name,), (name,)) for name in names)

    def lower(self, point: Point) -> Workload:
        """The graph of ops of a point of `space`, named by its digits."""
        digits = [int(point[f"block{index}"]) for index in range(BLOCKS)]
        ops = [*conv_bn("stem", IMAGE, STEM, 3, function=Function.RELU6)]
        channels = STEM
        for index, (width, stride) in enumerate((w, 2 if i == 0 else 1) for w, n in STAGES for i in range(n)):
            ops += _block(f"block{index}", ops[-1].name, (channels, width, stride), digits[index])
            channels = width
        ops += conv_bn("last", ops[-1].name, LAST, 1, function=Function.RELU6)
        ops += pooled_classifier(ops[-1].name, self.classes)
        name = "".join(map(str, digits))
        return Workload(name, ((IMAGE, (1, *self.input_shape)),), tuple(ops), ("fc",))


def _block(prefix: str, source: str, shape: tuple[int, int, int], digit: int) -> Ops:
    """Ops of a block of (channels before, channels after, stride); none where it is passed over."""
    channels, width, stride = shape
    if digit == 0:
        return () if stride == 1 else conv_bn(f"{prefix}.pass", source, width, 1, stride=stride, function=None)
    kernel, expansion = BOTTLENECKS[digit]
    hidden = channels * expansion
    widen = conv_bn(f"{prefix}.expand", source, hidden, 1, function=Function.RELU6)
    filtered = conv_bn(
        f"{prefix}.dw", widen[-1].name, hidden, kernel, stride=stride, groups=hidden, function=Function.RELU6
    )
    narrow = conv_bn(f"{prefix}.project", filtered[-1].name, width, 1, function=None)
    joined = (Elementwise(f"{prefix}.add", (source, narrow[-1].name), Function.ADD),) if stride == 1 else ()
    return (*widen, *filtered, *narrow, *joined)

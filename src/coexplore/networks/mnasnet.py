"""MnasNet 1.0, or B1: the published cells without squeeze-excite (Tan et al., CVPR 2019, arXiv 1807.11626)."""

from __future__ import annotations

from coexplore.networks.mnasnet_like import Stage, assemble_blocks, stage_blocks
from coexplore.networks.network import NETWORK_PRESETS, ImageShape
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Function

STAGES = (
    Stage(3, 1, 16, 1, 1),
    Stage(3, 3, 24, 3, 2),
    Stage(5, 3, 40, 3, 2),
    Stage(5, 6, 80, 3, 2),
    Stage(3, 6, 96, 2, 1),
    Stage(5, 6, 192, 4, 2),
    Stage(3, 6, 320, 1, 1),
)
"""Kernel, expansion, width, depth, stride."""


@NETWORK_PRESETS.register("mnasnet-1.0")
def mnasnet_1_0(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Seventeen inverted bottlenecks, for a batch of one.

    Raises:
        ConfigError: an argument is not legal.
    """
    blocks = [block for stage in STAGES for block in stage_blocks(stage, squeeze=False)]
    return assemble_blocks("mnasnet-1.0", input_shape, blocks, Function.RELU, classes=classes)

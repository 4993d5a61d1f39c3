"""VGG-16 (Simonyan & Zisserman, ICLR 2015, arXiv 1409.1556, Table 1, configuration D). Dropout is left out."""

from __future__ import annotations

from coexplore.networks._layers import IMAGE, conv_relu, hidden_layers
from coexplore.networks.network import NETWORK_PRESETS, ImageShape, check_image_settings
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Op, Pool2d, Pooling

STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""Convolutions and their width, each stage followed by a pooling that halves the map."""


@NETWORK_PRESETS.register("vgg-16")
def vgg_16(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Thirteen 3x3 convolutions and three linear layers, for a batch of one; the image has at least 32 pixels a side.

    Raises:
        ConfigError: an argument is not legal.
        WorkloadError: the image is too small for five halvings.
    """
    check_image_settings("vgg-16", input_shape, classes, None)
    ops: list[Op] = []
    source = IMAGE
    for stage, (depth, width) in enumerate(STAGES, start=1):
        for index in range(1, depth + 1):
            ops += conv_relu(f"conv{stage}_{index}", source, width, 3, padding=1)
            source = ops[-1].name
        ops.append(Pool2d(f"pool{stage}", (source,), Pooling.MAX, kernel=(2, 2), stride=(2, 2)))
        source = ops[-1].name
    ops += hidden_layers(source, (("fc6", 4096), ("fc7", 4096)), ("fc8", classes))
    return Workload("vgg-16", ((IMAGE, (1, *input_shape)),), tuple(ops), ("fc8",))

"""VGG-11, -13, -16 and -19 (Simonyan & Zisserman, ICLR 2015, arXiv 1409.1556, Table 1; A, B, D, E), without dropout."""

from __future__ import annotations

from coexplore.networks._layers import IMAGE, conv_relu, hidden_layers
from coexplore.networks.network import NETWORK_PRESETS, ImageShape, check_image_settings
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Op, Pool2d, Pooling

Stages = tuple[tuple[int, int], ...]
"""Convolutions and their width, each stage followed by a pooling that halves the map."""

STAGES_11: Stages = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))
STAGES_13: Stages = ((2, 64), (2, 128), (2, 256), (2, 512), (2, 512))
STAGES_16: Stages = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
STAGES_19: Stages = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))


@NETWORK_PRESETS.register("vgg-11")
def vgg_11(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Eight 3x3 convolutions and three linear layers, for a batch of one; the image has at least 32 pixels a side.

    Raises:
        ConfigError: an argument is not legal.
        WorkloadError: the image is too small for five halvings.
    """
    return _vgg("vgg-11", input_shape, classes, STAGES_11)


@NETWORK_PRESETS.register("vgg-13")
def vgg_13(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Ten 3x3 convolutions and three linear layers, for a batch of one; the image has at least 32 pixels a side.

    Raises:
        ConfigError: an argument is not legal.
        WorkloadError: the image is too small for five halvings.
    """
    return _vgg("vgg-13", input_shape, classes, STAGES_13)


@NETWORK_PRESETS.register("vgg-16")
def vgg_16(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Thirteen 3x3 convolutions and three linear layers, for a batch of one; the image has at least 32 pixels a side.

    Raises:
        ConfigError: an argument is not legal.
        WorkloadError: the image is too small for five halvings.
    """
    return _vgg("vgg-16", input_shape, classes, STAGES_16)


def vgg_19(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Sixteen 3x3 convolutions and three linear layers, for a batch of one; the image has at least 32 pixels a side.

    Raises:
        ConfigError: an argument is not legal.
        WorkloadError: the image is too small for five halvings.
    """
    return _vgg("vgg-19", input_shape, classes, STAGES_19)


def _vgg(name: str, input_shape: ImageShape, classes: int, stages: Stages) -> Workload:
    check_image_settings(name, input_shape, classes, None)
    ops: list[Op] = []
    source = IMAGE
    for stage, (depth, width) in enumerate(stages, start=1):
        for index in range(1, depth + 1):
            ops += conv_relu(f"conv{stage}_{index}", source, width, 3, padding=1)
            source = ops[-1].name
        ops.append(Pool2d(f"pool{stage}", (source,), Pooling.MAX, kernel=(2, 2), stride=(2, 2)))
        source = ops[-1].name
    ops += hidden_layers(source, (("fc6", 4096), ("fc7", 4096)), ("fc8", classes))
    return Workload(name, ((IMAGE, (1, *input_shape)),), tuple(ops), ("fc8",))

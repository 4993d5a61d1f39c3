"""MobileNet (Howard et al., 2017, arXiv 1704.04861, Table 1): depthwise 3x3 and pointwise 1x1 in turn."""

from __future__ import annotations

from coexplore.core.errors import ConfigError
from coexplore.networks._layers import IMAGE, conv_bn, pooled_classifier
from coexplore.networks.network import ImageShape, check_image_settings
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Op

STEM_WIDTH = 32
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
"""Width of each pointwise convolution, and the stride of the depthwise one before it."""


def mobilenet_v1(input_shape: ImageShape = (3, 224, 224), classes: int = 1000, width: float = 1.0) -> Workload:
    """The network with all its widths times `width`, for a batch of one.

    Raises:
        ConfigError: an argument is not legal.
    """
    check_image_settings("mobilenet-v1", input_shape, classes, None)
    if int(STEM_WIDTH * width) < 1:
        raise ConfigError(f"mobilenet-v1.width is {width}; it must leave at least one of {STEM_WIDTH} channels")
    channels = int(STEM_WIDTH * width)
    ops: list[Op] = [*conv_bn("conv_stem", IMAGE, channels, 3, stride=2)]
    for index, (base, stride) in enumerate(BLOCKS):
        ops += conv_bn(f"block{index}.dw", ops[-1].name, channels, 3, stride=stride, groups=channels)
        channels = int(base * width)
        ops += conv_bn(f"block{index}.pw", ops[-1].name, channels, 1)
    ops += pooled_classifier(ops[-1].name, classes)
    return Workload("mobilenet-v1", ((IMAGE, (1, *input_shape)),), tuple(ops), ("fc",))

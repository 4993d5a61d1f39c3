"""MobileNetV2 at width 1.0 (Sandler et al., CVPR 2018, arXiv 1801.04381, Table 2)."""

from __future__ import annotations

from coexplore.networks.inverted_bottleneck import MOBILENET_V2, assemble, base_blocks
from coexplore.networks.network import NETWORK_PRESETS, ImageShape, check_image_settings
from coexplore.workloads.graph import Workload


@NETWORK_PRESETS.register("mobilenet-v2")
def mobilenet_v2(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """The published network, for a batch of one.

    Args:
        input_shape: (C, H, W); any size works, the published one is 3 x 224 x 224.
        classes: outputs of the classifier.

    Raises:
        ConfigError: an argument is not legal.
    """
    check_image_settings("mobilenet-v2", input_shape, classes, None)
    return assemble("mobilenet-v2", input_shape, classes, MOBILENET_V2, base_blocks(MOBILENET_V2.rows))

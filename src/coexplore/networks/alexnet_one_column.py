"""AlexNet in one column, without groups (Krizhevsky, 2014, arXiv 1404.5997), as deep learning libraries ship it.

Departures:
    Dropout is left out, and so is the pooling to 6 x 6 before the linear layers, which changes nothing at 224 x 224.
"""

from __future__ import annotations

from coexplore.networks._layers import IMAGE, Ops, conv_relu, hidden_layers
from coexplore.networks.network import NETWORK_PRESETS, ImageShape, check_image_settings
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Pool2d, Pooling


@NETWORK_PRESETS.register("alexnet-one-column")
def alexnet_one_column(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Five convolutions and three linear layers, for a batch of one; the image has at least 63 pixels a side.

    Raises:
        ConfigError: an argument is not legal.
        WorkloadError: the image is too small.
    """
    check_image_settings("alexnet-one-column", input_shape, classes, None)
    first = conv_relu("conv1", IMAGE, 64, 11, stride=4, padding=2)
    second = conv_relu("conv2", "pool1", 192, 5, padding=2)
    third = conv_relu("conv3", "pool2", 384, 3, padding=1)
    fourth = conv_relu("conv4", third[-1].name, 256, 3, padding=1)
    fifth = conv_relu("conv5", fourth[-1].name, 256, 3, padding=1)
    ops: Ops = (
        *(*first, _pool("pool1", first[-1].name)),
        *(*second, _pool("pool2", second[-1].name)),
        *(*third, *fourth, *fifth, _pool("pool5", fifth[-1].name)),
        *hidden_layers("pool5", (("fc6", 4096), ("fc7", 4096)), ("fc8", classes)),
    )
    return Workload("alexnet-one-column", ((IMAGE, (1, *input_shape)),), ops, ("fc8",))


def _pool(name: str, source: str) -> Pool2d:
    return Pool2d(name, (source,), Pooling.MAX, kernel=(3, 3), stride=(2, 2))

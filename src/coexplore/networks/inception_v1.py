"""GoogLeNet (Szegedy et al., CVPR 2015, arXiv 1409.4842, Table 1), with batch normalisation and no side classifiers.

Departures:
    The 5x5 branch has a 5x5 convolution, as published; some common implementations put a 3x3 there.
"""

from __future__ import annotations

from coexplore.networks._layers import IMAGE, Ops, conv_bn, pooled_classifier
from coexplore.networks.network import ImageShape, check_image_settings
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Concat, Op, Pool2d, Pooling

HALVED = "halved"
MODULES = (
    ("3a", 64, 96, 128, 16, 32, 32),
    ("3b", 128, 128, 192, 32, 96, 64),
    (HALVED, 0, 0, 0, 0, 0, 0),
    ("4a", 192, 96, 208, 16, 48, 64),
    ("4b", 160, 112, 224, 24, 64, 64),
    ("4c", 128, 128, 256, 24, 64, 64),
    ("4d", 112, 144, 288, 32, 64, 64),
    ("4e", 256, 160, 320, 32, 128, 128),
    (HALVED, 0, 0, 0, 0, 0, 0),
    ("5a", 256, 160, 320, 32, 128, 128),
    ("5b", 384, 192, 384, 48, 128, 128),
)
"""Name, 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, and projection after pooling; or where the map is halved."""


def inception_v1(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Nine inception modules, for a batch of one.

    Raises:
        ConfigError: an argument is not legal.
    """
    check_image_settings("inception-v1", input_shape, classes, None)
    ops: list[Op] = [*conv_bn("conv1", IMAGE, 64, 7, stride=2)]
    ops.append(_halving("pool1", ops[-1].name))
    ops += conv_bn("conv2_reduce", ops[-1].name, 64, 1)
    ops += conv_bn("conv2", ops[-1].name, 192, 3)
    ops.append(_halving("pool2", ops[-1].name))
    for name, *widths in MODULES:
        if name == HALVED:
            ops.append(_halving(f"pool_after_{ops[-1].name}", ops[-1].name))
        else:
            ops += _module(f"inception{name}", ops[-1].name, *widths)
    return Workload(
        "inception-v1",
        ((IMAGE, (1, *input_shape)),),
        (*ops, *pooled_classifier(ops[-1].name, classes)),
        ("fc",),
    )


def _module(prefix: str, source: str, one: int, three_in: int, three: int, five_in: int, five: int, last: int) -> Ops:
    small = conv_bn(f"{prefix}.1x1", source, one, 1)
    middle = conv_bn(f"{prefix}.3x3_reduce", source, three_in, 1)
    middle = (*middle, *conv_bn(f"{prefix}.3x3", middle[-1].name, three, 3))
    large = conv_bn(f"{prefix}.5x5_reduce", source, five_in, 1)
    large = (*large, *conv_bn(f"{prefix}.5x5", large[-1].name, five, 5))
    pool = Pool2d(f"{prefix}.pool", (source,), Pooling.MAX, kernel=(3, 3), stride=(1, 1), padding=(1, 1))
    pooled = (pool, *conv_bn(f"{prefix}.project", pool.name, last, 1))
    branches = (small, middle, large, pooled)
    join = Concat(prefix, tuple(branch[-1].name for branch in branches), axis=1)
    return (*small, *middle, *large, *pooled, join)


def _halving(name: str, source: str) -> Pool2d:
    return Pool2d(name, (source,), Pooling.MAX, kernel=(3, 3), stride=(2, 2), padding=(1, 1))

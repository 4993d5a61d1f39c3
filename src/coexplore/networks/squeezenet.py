"""SqueezeNet 1.0 and 1.1 (Iandola et al., 2016, arXiv 1602.07360, Table 1; 1.1 from its authors' repository)."""

from __future__ import annotations

from coexplore.core.errors import ConfigError
from coexplore.networks._layers import IMAGE, Ops, conv_relu
from coexplore.networks.network import ImageShape, check_image_settings
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Concat, GlobalAveragePool, Op, Pool2d, Pooling, Reshape

FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
"""Width of the squeeze convolution, and of each of the two it feeds."""

VERSIONS = {"1.0": (96, 7, (3, 7)), "1.1": (64, 3, (2, 4))}
"""Width and kernel of the first convolution; after how many fires, beside at the start, the map is halved."""


def squeezenet(version: str = "1.1", input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Eight fire modules, for a batch of one.

    Args:
        version: "1.0" or "1.1".
        input_shape: (C, H, W).
        classes: channels of the last convolution.

    Raises:
        ConfigError: an argument is not legal.
    """
    check_image_settings("squeezenet", input_shape, classes, None)
    if version not in VERSIONS:
        raise ConfigError(f"squeezenet.version is {version!r}; legal: {', '.join(VERSIONS)}")
    width, kernel, halvings = VERSIONS[version]
    ops: list[Op] = [*conv_relu("conv1", IMAGE, width, kernel, stride=2)]
    ops.append(_pool("pool0", ops[-1].name))
    for index, (narrow, wide) in enumerate(FIRES):
        if index in halvings:
            ops.append(_pool(f"pool{index}", ops[-1].name))
        ops += _fire(f"fire{index + 2}", ops[-1].name, narrow, wide)
    ops += conv_relu("conv10", ops[-1].name, classes, 1)
    ops += [GlobalAveragePool("pool", (ops[-1].name,)), Reshape("flatten", ("pool",), (1, -1))]
    return Workload(f"squeezenet-{version}", ((IMAGE, (1, *input_shape)),), tuple(ops), ("flatten",))


def _fire(prefix: str, source: str, narrow: int, wide: int) -> Ops:
    squeeze = conv_relu(f"{prefix}.squeeze", source, narrow, 1)
    small = conv_relu(f"{prefix}.expand1x1", squeeze[-1].name, wide, 1)
    large = conv_relu(f"{prefix}.expand3x3", squeeze[-1].name, wide, 3, padding=1)
    return (*squeeze, *small, *large, Concat(f"{prefix}.join", (small[-1].name, large[-1].name), axis=1))


def _pool(name: str, source: str) -> Pool2d:
    return Pool2d(name, (source,), Pooling.MAX, kernel=(3, 3), stride=(2, 2))

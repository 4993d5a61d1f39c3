"""ResNet-18, -50, -101 and -152 (He et al., CVPR 2016, arXiv 1512.03385, Table 1).

Departures:
    A bottleneck that halves the map does so in its 3x3 convolution, as the common implementations do ("v1.5"), not in
    its first 1x1 convolution.
"""

from __future__ import annotations

from collections.abc import Callable

from coexplore.networks._layers import IMAGE, Ops, conv_bn, pooled_classifier
from coexplore.networks.network import NETWORK_PRESETS, ImageShape, check_image_settings
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Elementwise, Function, Op, Pool2d, Pooling

STEM_WIDTH = 64

BlockOps = Callable[[str, str, int, int, int], Ops]


@NETWORK_PRESETS.register("resnet-18")
def resnet_18(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Four stages of two basic blocks, for a batch of one.

    Raises:
        ConfigError: an argument is not legal.
    """
    return _resnet("resnet-18", input_shape, classes, (2, 2, 2, 2), _basic, 1)


@NETWORK_PRESETS.register("resnet-50")
def resnet_50(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Four stages of three, four, six and three bottleneck blocks, for a batch of one.

    Raises:
        ConfigError: an argument is not legal.
    """
    return _resnet("resnet-50", input_shape, classes, (3, 4, 6, 3), _bottleneck, 4)


def resnet_101(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Four stages of 3, 4, 23 and 3 bottleneck blocks, for a batch of one.

    Raises:
        ConfigError: an argument is not legal.
    """
    return _resnet("resnet-101", input_shape, classes, (3, 4, 23, 3), _bottleneck, 4)


def resnet_152(input_shape: ImageShape = (3, 224, 224), classes: int = 1000) -> Workload:
    """Four stages of 3, 8, 36 and 3 bottleneck blocks, for a batch of one.

    Raises:
        ConfigError: an argument is not legal.
    """
    return _resnet("resnet-152", input_shape, classes, (3, 8, 36, 3), _bottleneck, 4)


def _resnet(
    name: str, input_shape: ImageShape, classes: int, depths: tuple[int, ...], block: BlockOps, widening: int
) -> Workload:
    check_image_settings(name, input_shape, classes, None)
    ops: list[Op] = [*conv_bn("conv1", IMAGE, STEM_WIDTH, 7, stride=2)]
    ops.append(Pool2d("maxpool", (ops[-1].name,), Pooling.MAX, kernel=(3, 3), stride=(2, 2), padding=(1, 1)))
    channels = STEM_WIDTH
    for stage, depth in enumerate(depths):
        width = STEM_WIDTH << stage
        for index in range(depth):
            stride = 2 if stage > 0 and index == 0 else 1
            prefix, source = f"layer{stage + 1}.{index}", ops[-1].name
            branch = block(prefix, source, width, width * widening, stride)
            shortcut: Ops = ()
            if stride > 1 or channels != width * widening:
                name_ = f"{prefix}.downsample"
                shortcut = conv_bn(name_, source, width * widening, 1, stride=stride, function=None)
            channels = width * widening
            kept = shortcut[-1].name if shortcut else source
            total = Elementwise(f"{prefix}.add", (branch[-1].name, kept), Function.ADD)
            ops += [*branch, *shortcut, total, Elementwise(f"{prefix}.relu", (total.name,), Function.RELU)]
    ops += pooled_classifier(ops[-1].name, classes)
    return Workload(name, ((IMAGE, (1, *input_shape)),), tuple(ops), ("fc",))


def _basic(prefix: str, source: str, width: int, out: int, stride: int) -> Ops:
    first = conv_bn(f"{prefix}.conv1", source, width, 3, stride=stride)
    return (*first, *conv_bn(f"{prefix}.conv2", first[-1].name, out, 3, function=None))


def _bottleneck(prefix: str, source: str, width: int, out: int, stride: int) -> Ops:
    narrow = conv_bn(f"{prefix}.conv1", source, width, 1)
    middle = conv_bn(f"{prefix}.conv2", narrow[-1].name, width, 3, stride=stride)
    return (*narrow, *middle, *conv_bn(f"{prefix}.conv3", middle[-1].name, out, 1, function=None))

"""Which networks of the Vitis AI model zoo can we build? By their published names, where the operations agree."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, partial

from coexplore.networks.inception_v1 import inception_v1
from coexplore.networks.inverted_bottleneck import MOBILENET_V2, Layout, assemble, base_blocks, round_channels
from coexplore.networks.mnasnet_like import efficientnet_b0, efficientnet_edgetpu
from coexplore.networks.mobilenet_v1 import mobilenet_v1
from coexplore.networks.resnet import resnet_18, resnet_50, resnet_101, resnet_152
from coexplore.networks.squeezenet import squeezenet
from coexplore.networks.vgg import vgg_16, vgg_19
from coexplore.workloads.graph import Workload

LARGE = (3, 299, 299)
OPERATIONS_AGREE = 0.2
"""Largest relative difference of our operations from the published ones."""


def mobilenet_v2_of_width(width: float = 1.0) -> Workload:
    """MobileNetV2 at a width; the last convolution only widens."""
    rows = tuple((t, round_channels(c * width), n, s) for t, c, n, s in MOBILENET_V2.rows)
    layout = Layout((round_channels(32 * width), 2), rows, max(1280, round_channels(1280 * width)))
    return assemble("mobilenet-v2", (3, 224, 224), 1000, layout, base_blocks(rows))


VITIS_NETWORKS: tuple[tuple[str, Callable[[], Workload]], ...] = (
    (r"(cf|pt|tf)_resnet18_imagenet", resnet_18),
    (r"pt_vehicle-(make|type|color)-classification", resnet_18),
    (r"pt_personreid-res50", partial(resnet_50, (3, 256, 128))),
    (r"pt_personreid-res18", partial(resnet_18, (3, 176, 80))),
    (r"(cf|pt|tf2?|tf_mlperf)_resnet50_(imagenet|3\.5)", resnet_50),
    (r"tf_resnetv1[_-]50", resnet_50),
    (r"tf_resnetv1[_-]101", resnet_101),
    (r"tf_resnetv1[_-]152", resnet_152),
    (r"tf_resnetv2[_-]50", partial(resnet_50, LARGE)),
    (r"tf_resnetv2[_-]101", partial(resnet_101, LARGE)),
    (r"tf_resnetv2[_-]152", partial(resnet_152, LARGE)),
    (r"tf_vgg16", vgg_16),
    (r"tf_vgg19", vgg_19),
    (r"tf2?_mobilenetv1(_1\.0|-1\.0)?_(imagenet|3\.5)", mobilenet_v1),
    (r"tf_mobilenetv1_1\.0_imagenet", mobilenet_v1),
    (r"tf_mobilenetv1(_0\.25_imagenet|-0\.25_3\.5)", partial(mobilenet_v1, (3, 128, 128), width=0.25)),
    (r"tf_mobilenetv1_0\.5_imagenet", partial(mobilenet_v1, (3, 160, 160), width=0.5)),
    (r"(cf_mobilenetv2|tf_mobilenetv2[_-]1\.0)_", mobilenet_v2_of_width),
    (r"tf_mobilenetv2_1\.4_", partial(mobilenet_v2_of_width, 1.4)),
    (r"(cf|pt)_squeezenet|cf_squeeze_", squeezenet),
    (r"(cf|tf)_inceptionv1", inception_v1),
    (r"tf_efficientnet-edgetpu-S", partial(efficientnet_edgetpu, "S")),
    (r"tf_efficientnet-edgetpu-M", partial(efficientnet_edgetpu, "M")),
    (r"tf_efficientnet-edgetpu-L", partial(efficientnet_edgetpu, "L")),
    (r"tf2_efficientnet-b0", efficientnet_b0),
)


def vitis_network(row: Mapping[str, object]) -> Workload | None:
    """The network of a row, where we can build it and its operations agree with the published ones."""
    build = next((build for pattern, build in VITIS_NETWORKS if re.match(pattern, str(row["model"]))), None)
    stated = row["ops_g_from_name"] or row["ops_g"]
    if build is None or not stated:
        return None
    network = _built(build)
    return network if abs(2e-9 * network.macs / float(str(stated)) - 1) <= OPERATIONS_AGREE else None


@cache
def _built(build: Callable[[], Workload]) -> Workload:
    return build()

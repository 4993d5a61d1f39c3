"""Published networks that are no presets: parameters and multiply-accumulates of the common implementations."""

from __future__ import annotations

import pytest

from coexplore.core.errors import ConfigError
from coexplore.networks.inception_v1 import inception_v1
from coexplore.networks.mobilenet_v1 import mobilenet_v1
from coexplore.networks.resnet import resnet_101, resnet_152
from coexplore.networks.squeezenet import squeezenet
from coexplore.networks.vgg import vgg_19


@pytest.mark.parametrize(
    ("network", "parameters"),
    [
        (mobilenet_v1(), 4_231_976),
        (resnet_101(), 44_549_160),
        (resnet_152(), 60_192_808),
        (vgg_19(), 143_667_240),
        (squeezenet("1.0"), 1_248_424),
        (squeezenet("1.1"), 1_235_496),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_parameters_equal_those_of_the_common_implementations(network, parameters):
    assert network.parameters == parameters


@pytest.mark.parametrize(
    ("network", "operations_g"),
    [
        (mobilenet_v1(), 1.14),
        (mobilenet_v1((3, 128, 128), width=0.25), 0.02715),
        (vgg_19(), 39.28),
        (squeezenet("1.1"), 0.7035),
        (inception_v1(), 3.16),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_operations_equal_those_that_vendors_state(network, operations_g):
    assert 2e-9 * network.macs == pytest.approx(operations_g, rel=0.01)


@pytest.mark.parametrize("build", [mobilenet_v1, squeezenet, inception_v1, resnet_101, resnet_152])
def test_a_classifier_without_classes_is_refused(build):
    with pytest.raises(ConfigError, match=r"classes is 1"):
        build(classes=1)


def test_an_unknown_squeezenet_is_refused():
    with pytest.raises(ConfigError, match=r"version is '2\.0'"):
        squeezenet("2.0")


def test_a_width_that_leaves_no_channel_is_refused():
    with pytest.raises(ConfigError, match=r"width is 0\.01"):
        mobilenet_v1(width=0.01)

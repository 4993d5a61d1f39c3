from __future__ import annotations

import itertools

import pytest

from coexplore.core.errors import UnknownNameError
from coexplore.core.hashing import content_hash
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.networks.network import NETWORK_FAMILIES, NETWORK_PRESETS, FixedNetwork, Network
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.networks.resnet import resnet_18
from coexplore.spaces.space import Point


def first_point(family):
    return next(family.space.enumerate())


@pytest.mark.parametrize("name", ["inverted-bottleneck", "plain-cnn"])
def test_families_are_registered_under_their_own_name(name):
    assert NETWORK_FAMILIES.get(name)().name == name


@pytest.mark.parametrize("family", [InvertedBottleneck, PlainCnn])
def test_equal_networks_have_equal_hashes(family):
    one, other = Network(family(), first_point(family())), Network(family(), first_point(family()))
    assert one == other
    assert content_hash(one) == content_hash(other)


def test_another_setting_is_another_network():
    point = first_point(PlainCnn())
    assert content_hash(Network(PlainCnn(), point)) != content_hash(Network(PlainCnn(classes=11), point))


def test_another_point_is_another_network():
    family = PlainCnn()
    first, second = itertools.islice(family.space.enumerate(), 2)
    assert content_hash(Network(family, first)) != content_hash(Network(family, second))


def test_the_name_says_the_family_and_which_point():
    family = PlainCnn()
    first, second = itertools.islice(family.space.enumerate(), 2)
    assert Network(family, first).name.startswith("plain-cnn-")
    assert Network(family, first).name != Network(family, second).name


def test_a_network_lowers_to_the_workload_of_its_point():
    family = InvertedBottleneck()
    point = first_point(family)
    assert Network(family, point).workload() == family.lower(point)


def test_a_fixed_network_leaves_nothing_to_decide():
    workload = resnet_18(input_shape=(3, 32, 32), classes=10)
    family = FixedNetwork(workload)
    assert family.space.size == 1
    assert Network(family, Point()).workload() is workload
    assert Network(family, Point()).name == "resnet-18"


def test_fixed_networks_differ_by_their_workload():
    one, other = (FixedNetwork(resnet_18(classes=classes)) for classes in (10, 11))
    assert content_hash(Network(one, Point())) != content_hash(Network(other, Point()))


def test_an_unknown_family_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'inverted-bottleneck'"):
        NETWORK_FAMILIES.get("inverted-botleneck")


def test_an_unknown_preset_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'mobilenet-v2'"):
        NETWORK_PRESETS.get("mobilenetv2")

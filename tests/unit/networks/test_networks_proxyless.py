"""The ProxylessNAS-style space: its two published sizes, and the published networks that are points of it."""

from __future__ import annotations

import math

import pytest

from coexplore.core.errors import SpaceError
from coexplore.networks.mnasnet import mnasnet_1_0
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.networks.proxyless import Proxyless, proxylessnas_mobile, stages_of

MOBILENET_V2 = (0, 3, 3, 6, 6, 3, 3, 3, 6, 3, 3, 3, 3, 3, 3, 3, 6, 3, 3, 3, 6, 3)
MNASNET = (0, 0, 0, 0, 6, 1, 1, 1, 6, 4, 4, 4, 6, 3, 3, 6, 6, 4, 4, 4, 4, 3)
"""As published with the space (Bender2020)."""


def nests(workload):
    return list(workload.nests.values())


def test_points_and_genotypes_are_as_many_as_published():
    space = Proxyless().space
    assert space.size == 3 * 6**6 * 7**15
    assert math.prod(space.sizes) == 3 * 6**6 * 12**15


def test_mobilenet_v2_is_a_point():
    family = Proxyless(stages=stages_of((16, 24, 32, 64, 96, 160, 320)))
    assert nests(family.lower(family.point_of(MOBILENET_V2))) == nests(mobilenet_v2())


def test_mnasnet_is_a_point():
    family = Proxyless(stages=stages_of((16, 24, 40, 80, 96, 192, 320)))
    assert nests(family.lower(family.point_of(MNASNET))) == nests(mnasnet_1_0())


def test_proxylessnas_mobile_has_the_parameters_of_the_common_implementation():
    assert proxylessnas_mobile().parameters == 4_080_512


def test_a_block_that_is_passed_over_leaves_nothing_and_has_no_shape():
    family = Proxyless()
    whole = dict(family.plain)
    without = {name: value for name, value in whole.items() if name not in ("kernel4", "expansion4")}
    names = {op.name for op in family.lower(family.space.point({**without, "skip4": True})).ops}
    assert not any(name.startswith("block4.") for name in names)
    assert "block3.project" in names
    assert "block5.project" in names
    with pytest.raises(SpaceError, match=r"kernel4.*inactive"):
        family.space.point({**whole, "skip4": True})


def test_the_first_block_of_a_stage_stays():
    names = Proxyless().space.names
    skips = {int(name.removeprefix("skip")) for name in names if name.startswith("skip")}
    assert len(skips) == 15
    assert not skips & {0, 1, 5, 9, 13, 17, 21}


def test_operations_of_another_number_of_blocks_are_refused():
    with pytest.raises(ValueError, match="argument"):
        Proxyless().point_of((0, 1))

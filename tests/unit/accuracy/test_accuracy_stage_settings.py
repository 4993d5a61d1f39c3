"""The settings of a network of Accel-NASBench are read off its graph, whoever built it."""

from __future__ import annotations

import numpy as np
import pytest

from coexplore.accuracy.stage_settings import COLUMNS, stage_settings
from coexplore.core.errors import EvaluationError
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.networks.mnasnet_like import accel_nasbench, efficientnet_b0
from coexplore.networks.network import NETWORK_PRESETS
from coexplore.networks.plain_cnn import PlainCnn


def test_lowering_and_reading_are_inverse():
    family = AccelNasBench()
    for point in family.space.sample(np.random.default_rng(0), 60):
        assert stage_settings(family.lower(point)) == tuple(point[name] for name in COLUMNS)


def test_the_same_network_under_other_names_of_ops_is_the_same():
    workload = accel_nasbench(
        (1, 4, 6, 1, 4, 6, 1), (3, 5) * 3 + (3,), (1, 2, 3, 1, 2, 4, 1), (True, False) * 3 + (True,)
    )
    assert stage_settings(workload)[:8] == (1, 3, 1, 1, 4, 5, 2, 0)
    assert stage_settings(workload)[-8:] == (6, 5, 4, 0, 1, 3, 1, 1)


@pytest.mark.parametrize(
    "workload",
    [
        AccelNasBench(input_shape=(3, 192, 192)).lower(next(AccelNasBench().space.enumerate())),
        AccelNasBench(classes=10).lower(next(AccelNasBench().space.enumerate())),
        efficientnet_b0((3, 192, 192)),
        NETWORK_PRESETS.get("mobilenet-v2")(),
        NETWORK_PRESETS.get("mnasnet-1.0")(),
        PlainCnn().lower(next(PlainCnn().space.enumerate())),
    ],
    ids=lambda workload: workload.name,
)
def test_other_networks_are_refused(workload):
    with pytest.raises(EvaluationError, match=r"is no network of Accel-NASBench at 224 x 224.*accel-nasbench"):
        stage_settings(workload)


def test_efficientnet_b0_is_one_of_them():
    settings = dict(zip(COLUMNS, stage_settings(efficientnet_b0()), strict=True))
    assert [settings[f"block{stage}_l"] for stage in range(7)] == [1, 2, 2, 3, 3, 4, 1]

"""The MnasNet-like space of Accel-NASBench: its size, and the networks of its table."""

from __future__ import annotations

import random

import pytest

from coexplore.core.errors import ConfigError
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.networks.mnasnet_like import accel_nasbench

WORDS = ("e", "k", "l", "se")


def point_of(family, row):
    return family.space.point({name: row[name] for name in family.space.names})


def test_the_size_is_that_of_the_table_s_values():
    assert AccelNasBench().space.size == 36**6 * 48


@pytest.mark.data
def test_networks_of_the_table_are_points_with_its_parameters(data_folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(data_folder / "accel_nasbench.parquet").to_pylist()
    family = AccelNasBench()
    assert {name for name in rows[0] if name.startswith("block")} == set(family.space.names)
    for row in rows:
        assert point_of(family, row) in family.space
    for row in random.Random(1).sample(rows, 40):
        workload = family.lower(point_of(family, row))
        assert workload.parameters == round(1e6 * row["params_m"])
        plain = accel_nasbench(*([row[f"block{stage}_{word}"] for stage in range(7)] for word in WORDS))
        assert list(workload.nests.values()) == list(plain.nests.values())


def test_other_data_and_values_are_settings():
    family = AccelNasBench(
        input_shape=(1, 32, 32), classes=10, kernels=(3,), depths=(1, 1, 1, 1, 1, 2, 1), squeezes=(0,)
    )
    assert family.space.size == 3**7 * 2
    assert family.lower(next(family.space.enumerate())).shapes["fc"] == (1, 10)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"classes": 1}, "classes is 1"),
        ({"expansions": ()}, "expansions is"),
        ({"kernels": (2,)}, r"kernels is \(2,\)"),
        ({"depths": (1, 2)}, "depths is"),
        ({"squeezes": (2,)}, r"squeezes is \(2,\)"),
    ],
)
def test_an_illegal_setting_is_refused_by_name(setting, message):
    with pytest.raises(ConfigError, match=message):
        AccelNasBench(**setting)

"""Networks of inverted bottlenecks with squeeze-excite: published parameters and operations."""

from __future__ import annotations

import random

import numpy as np
import pytest

from coexplore.core.errors import ConfigError
from coexplore.networks.mnasnet_like import (
    Block,
    accel_nasbench,
    assemble_blocks,
    efficientnet_b0,
    efficientnet_edgetpu,
)
from coexplore.workloads.op import Function


def network_of(row):
    return accel_nasbench(*([row[f"block{stage}_{key}"] for stage in range(7)] for key in ("e", "k", "l", "se")))


@pytest.mark.data
def test_accel_nasbench_has_the_published_parameters_and_ranks_by_the_published_macs(data_folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(data_folder / "accel_nasbench.parquet").to_pylist()
    rows = [row for row in random.Random(0).sample(rows, 60) if row["params_m"]]
    networks = [network_of(row) for row in rows]
    assert [network.parameters for network in networks] == [round(1e6 * row["params_m"]) for row in rows]
    macs = [network.macs for network in networks]
    assert np.corrcoef(macs, [row["macs_m"] for row in rows])[0, 1] > 0.997


def test_efficientnet_b0_is_the_published_one():
    network = efficientnet_b0()
    assert network.parameters == 5_288_548
    assert network.macs == pytest.approx(0.39e9, rel=0.02)


@pytest.mark.parametrize(
    ("size", "operations_g", "parameters_m"), [("S", 4.72, 5.44), ("M", 7.34, 6.90), ("L", 19.36, 10.59)]
)
def test_efficientnet_edgetpu_has_the_published_operations(size, operations_g, parameters_m):
    network = efficientnet_edgetpu(size)
    assert 2e-9 * network.macs == pytest.approx(operations_g, rel=0.005)
    assert 1e-6 * network.parameters == pytest.approx(parameters_m, rel=0.002)


def test_an_unknown_size_is_refused():
    with pytest.raises(ConfigError, match="legal: S, M, L"):
        efficientnet_edgetpu("XL")


def test_squeeze_excite_multiplies_little_and_adds_parameters():
    plain, squeezed = (
        assemble_blocks("net", (3, 32, 32), [Block(3, 6, 24, 1, squeeze=squeeze)], Function.RELU)
        for squeeze in (False, True)
    )
    narrow, hidden = 8, 192
    assert squeezed.parameters - plain.parameters == 2 * narrow * hidden + narrow + hidden
    assert squeezed.macs - plain.macs == 2 * narrow * hidden


def test_a_residual_needs_an_equal_shape():
    def additions(width, stride):
        network = assemble_blocks("net", (3, 32, 32), [Block(3, 2, width, stride)], Function.RELU)
        return sum(op.name.endswith(".add") for op in network.ops)

    assert additions(32, 1) == 1
    assert additions(24, 1) == additions(32, 2) == 0

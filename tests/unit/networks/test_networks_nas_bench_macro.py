"""NAS-Bench-Macro networks: the published parameters and multiply-accumulates."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from coexplore.networks.nas_bench_macro import BLOCKS, NasBenchMacro
from coexplore.networks.network import Network

FAMILY = NasBenchMacro()


def point(digits):
    return FAMILY.space.point({f"block{index}": int(digit) for index, digit in enumerate(digits)})


@pytest.mark.data
def test_parameters_and_macs_of_every_block_are_those_of_the_table(data_folder):
    """They are sums over blocks, so the base, every block alone and a sample decide for all networks."""
    table = pq.read_table(data_folder / "nas_bench_macro.parquet").to_pylist()
    assert len(table) == FAMILY.space.size == 6561
    alone = {"0" * BLOCKS} | {
        f"{'0' * place}{digit}{'0' * (BLOCKS - place - 1)}" for place in range(BLOCKS) for digit in "12"
    }
    for row in table:
        if row["arch"] in alone or int(row["arch"], 3) % 97 == 0:
            workload = FAMILY.lower(point(row["arch"]))
            assert (workload.macs, workload.parameters) == (row["flops"], row["params"]), row["arch"]


def test_a_network_has_the_name_of_its_row():
    assert FAMILY.lower(point("20101210")).name == "20101210"


def test_a_decision_shapes_the_ops_of_its_block():
    network = Network(FAMILY, point("20101210"))
    layers = [op.name for op, _ in network.workload().mac_ops()]
    assert network.shapes("block0", layers) == ("block0.expand", "block0.dw", "block0.project")
    assert network.shapes("block2", layers) == ("block2.expand", "block2.dw", "block2.project")
    assert network.shapes("block1", layers) == ()

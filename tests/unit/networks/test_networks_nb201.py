"""NAS-Bench-201 networks: the published parameters and multiply-accumulates, cell by cell."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.core.errors import ConfigError
from coexplore.networks.nb201 import EDGES, OPERATIONS, Nb201, arch_string, nb201
from coexplore.workloads.op import Elementwise, Function

CELLS = st.tuples(*[st.sampled_from(OPERATIONS)] * len(EDGES))


def additions(network):
    return sum(isinstance(op, Elementwise) and op.function is Function.ADD for op in network.ops)


@pytest.mark.data
def test_parameters_and_macs_equal_the_published_ones(data_folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(data_folder / "nb201_cells.parquet").to_pylist()
    for row in random.Random(0).sample(rows, 60):
        operations = [OPERATIONS[row[f"e{to}_{origin}"]] for to, origin in EDGES]
        network = nb201(operations)
        assert arch_string(operations) == row["arch_str"]
        assert network.parameters == row["cifar10_params"]
        biases = 10  # counted there as multiply-accumulates
        assert network.macs == row["cifar10_macs"] - biases


@given(CELLS)
def test_every_cell_is_a_legal_network(operations):
    network = nb201(operations, cells=1)
    assert network.shapes["fc"] == (1, 10)


@given(CELLS)
def test_three_stages_of_a_cell_add_up(operations):
    one, two, three = (nb201(operations, cells=count).macs for count in (1, 2, 3))
    assert two - one == three - two


def test_a_cell_of_skips_costs_only_its_additions():
    skips = nb201(["skip_connect"] * 6)
    empty = nb201(["none"] * 6)
    assert skips.macs == empty.macs
    assert additions(skips) - additions(empty) == 3 * 5 * 3


def test_an_unknown_operation_is_refused():
    with pytest.raises(ConfigError, match=r"nb201\.operations"):
        nb201(["none"] * 5 + ["nor_conv_7x7"])


def test_a_cell_of_five_edges_is_refused():
    with pytest.raises(ConfigError, match="give 6 of"):
        nb201(["none"] * 5)


def test_a_point_of_the_family_is_the_cell_under_its_name():
    family = Nb201(cells=1)
    assert family.space.size == 5**6
    operations = ("skip_connect", "nor_conv_3x3", "none", "nor_conv_1x1", "avg_pool_3x3", "none")
    point = family.space.point({f"edge{to}_{origin}": op for (to, origin), op in zip(EDGES, operations, strict=True)})
    assert family.lower(point).ops == nb201(operations, cells=1).ops
    assert family.lower(point).name == arch_string(operations)

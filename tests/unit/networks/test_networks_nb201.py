"""NAS-Bench-201 networks: the published parameters and multiply-accumulates, cell by cell."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.core.errors import ConfigError
from coexplore.networks.nb201 import EDGES, OPERATIONS, nb201
from coexplore.workloads.op import Elementwise, Function

CELLS = st.tuples(*[st.sampled_from(OPERATIONS)] * len(EDGES))


def additions(network):
    return sum(isinstance(op, Elementwise) and op.function is Function.ADD for op in network.ops)


@pytest.mark.data
def test_parameters_and_macs_equal_the_published_ones(data_folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(data_folder / "nb201_cells.parquet").to_pylist()
    for row in random.Random(0).sample(rows, 60):
        network = nb201([OPERATIONS[row[f"e{to}_{origin}"]] for to, origin in EDGES])
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

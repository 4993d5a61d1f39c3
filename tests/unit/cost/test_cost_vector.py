from __future__ import annotations

import math

import pytest

from coexplore.accelerators.family import find_accelerator
from coexplore.cost.vector import INDEX_BITS, price_vector_op, rides_along, traffic_of
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import (
    Border,
    Concat,
    Constant,
    Elementwise,
    Embedding,
    EmbeddingBag,
    Expand,
    Function,
    Gather,
    Linear,
    Pad,
    Reduce,
    Reduction,
    Reshape,
    Resize,
    Slice,
    Softmax,
    Transpose,
)

BASELINE = find_accelerator("edge-array")


def workload(shape, *ops):
    return Workload("w", (("x", shape),), ops, (ops[-1].name,))


def cost(network, name):
    return price_vector_op(network, network.producers[name], BASELINE)


def moved_bits(network, name):
    traffic = traffic_of(network.producers[name], network)
    return traffic.weight, traffic.input, traffic.output


@pytest.mark.parametrize(
    "view",
    [
        Reshape("v", ("x",), (6, 4)),
        Transpose("v", ("x",), (0, 2, 1)),
        Slice("v", ("x",), 1, 0, 2),
        Expand("v", ("x",), (5, 2, 3, 4)),
        Concat("v", ("x", "x"), 1),
    ],
)
def test_views_cost_nothing(view):
    priced = cost(workload((2, 3, 4), view), "v")
    assert (priced.total_cycles, priced.energy_by) == (0.0, ())


def test_rows_of_a_table_are_read_and_never_the_table():
    small = workload((2, 7), Embedding("e", ("x",), rows=100, width=16))
    large = workload((2, 7), Embedding("e", ("x",), rows=10_000_000, width=16))
    assert cost(small, "e") == cost(large, "e")
    rows = 2 * 7 * 16 * 8
    assert moved_bits(small, "e") == (rows, 2 * 7 * INDEX_BITS, rows)


def test_a_bag_writes_one_row_for_all_that_it_reads():
    bags = workload((4, 9), EmbeddingBag("b", ("x",), rows=1000, width=16))
    assert moved_bits(bags, "b") == (4 * 9 * 16 * 8, 4 * 9 * INDEX_BITS, 4 * 16 * 8)
    assert cost(bags, "b").operations == 4 * 9 * 16


def test_a_border_writes_itself_and_not_what_it_surrounds():
    plain = workload((1, 2, 4, 4), Pad("p", ("x",), (0, 0, 1, 1), (0, 0, 1, 1)))
    mirrored = workload((1, 2, 4, 4), Pad("p", ("x",), (0, 0, 1, 1), (0, 0, 1, 1), Border.REFLECT))
    border = 2 * (36 - 16) * 8
    assert moved_bits(plain, "p") == (0, 0, border)
    assert moved_bits(mirrored, "p") == (0, border, border)


def test_chosen_entries_are_copied():
    places = Constant("places", (), (3,))
    network = workload((10, 6), places, Gather("g", ("x", "places")))
    assert moved_bits(network, "g") == (0, 3 * 6 * 8 + 3 * INDEX_BITS, 3 * 6 * 8)


def test_repeated_elements_are_read_once():
    wide = Expand("wide", ("x",), (4, 50, 8))
    network = workload((4, 1, 8), wide, Reshape("flat", ("wide",), (200, 8)), Softmax("s", ("flat",)))
    assert moved_bits(network, "s") == (0, 4 * 8 * 8, 4 * 50 * 8 * 8)


def test_resizing_reads_the_small_image_and_writes_the_large_one():
    network = workload((1, 2, 4, 4), Resize("r", ("x",), (8, 8)))
    assert moved_bits(network, "r") == (0, 2 * 16 * 8, 2 * 64 * 8)


def test_a_reduction_works_on_all_it_reads():
    network = workload((2, 3, 4), Reduce("r", ("x",), Reduction.SUM, (1,)))
    assert cost(network, "r").operations == 24
    assert moved_bits(network, "r") == (0, 24 * 8, 8 * 8)


def scaled(*between, shape=(), trained=False):
    ops = (
        Linear("fc", ("x",), 8),
        *between,
        Constant("c", (), shape, value=0.5, trained=trained),
        Elementwise("scale", (between[-1].name if between else "fc", "c"), Function.MULTIPLY),
    )
    return workload((4, 8), *ops)


def test_a_scale_rides_along_with_the_product_before_it():
    network = scaled()
    priced = cost(network, "scale")
    assert (priced.bound, priced.total_cycles) == ("fused", 0.0)
    assert [level for level, _, _ in priced.energy_by] == ["vector"]


def test_a_stored_array_that_rides_along_is_read():
    memory = BASELINE.levels[0]
    (read, _) = cost(scaled(shape=(4, 8), trained=True), "scale").energy_by
    assert read[:2] == (memory.name, "input")
    assert math.isclose(read[2], 4 * 8 * 8 * memory.read_j_per_bit)


def test_riding_along_looks_through_views():
    assert rides_along(
        scaled(Transpose("t", ("fc",), (1, 0)), shape=(1,)), Elementwise("scale", ("t", "c"), Function.MULTIPLY)
    )


@pytest.mark.parametrize(
    "ops",
    [
        (Linear("fc", ("x",), 8), Elementwise("y", ("fc", "x"), Function.ADD)),
        (Elementwise("y", ("x",), Function.RELU),),
        (Linear("fc", ("x",), 8), Linear("other", ("fc",), 8), Elementwise("y", ("fc",), Function.RELU)),
        (Linear("fc", ("x",), 1), Expand("e", ("fc",), (4, 8)), Elementwise("y", ("e",), Function.RELU)),
        (Linear("fc", ("x",), 1), Constant("c", (), (4, 8)), Elementwise("y", ("fc", "c"), Function.ADD)),
    ],
    ids=["a residual", "an input", "a product that others read", "repeated elements", "an array that is larger"],
)
def test_what_cannot_ride_along_pays(ops):
    network = workload((4, 8), *ops)
    assert not rides_along(network, network.producers["y"])
    assert cost(network, "y").total_cycles > 0

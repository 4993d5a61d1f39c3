from __future__ import annotations

import dataclasses

import pytest

from coexplore.core.errors import WorkloadError
from coexplore.core.hashing import content_hash
from coexplore.workloads.graph import MAX_OPS, Workload
from coexplore.workloads.op import Bits, Conv2d, Elementwise, Embedding, Function, Linear, Reshape
from coexplore.workloads.weights import weight_shapes

IMAGE = (("x", (1, 3, 8, 8)),)


def residual(bits=None):
    conv = Conv2d("conv", ("x",), 3, (3, 3), padding=(1, 1), bias=True, bits=bits or Bits())
    ops = (
        conv,
        Elementwise("sum", ("conv", "x"), Function.ADD),
        Reshape("flat", ("sum",), (1, -1)),
        Linear("fc", ("flat",), 10),
    )
    return Workload("residual", IMAGE, ops, ("fc",))


def test_shapes_of_all_inputs_and_ops_are_known():
    assert residual().shapes == {
        "x": (1, 3, 8, 8),
        "conv": (1, 3, 8, 8),
        "sum": (1, 3, 8, 8),
        "flat": (1, 192),
        "fc": (1, 10),
    }


def test_totals_are_sums_over_the_ops():
    assert residual().macs == 64 * 3 * 3 * 9 + 192 * 10
    assert residual().parameters == 3 * 3 * 9 + 3 + 192 * 10 + 10


def test_only_ops_that_multiply_have_loops():
    workload = residual()
    assert [op.name for op, _ in workload.mac_ops()] == ["conv", "fc"]
    assert workload.loops(workload.ops[1]) is None


def test_consumers_are_listed_once_in_order():
    workload = residual()
    assert [op.name for op in workload.consumers["x"]] == ["conv", "sum"]
    assert workload.consumers["fc"] == ()
    twice = Workload("twice", IMAGE, (Elementwise("y", ("x", "x"), Function.ADD),), ("y",))
    assert [op.name for op in twice.consumers["x"]] == ["y"]


def test_equal_content_is_equal_and_hashes_alike():
    assert residual() == residual()
    assert hash(residual()) == hash(residual())
    assert content_hash(residual()) == content_hash(residual())


def test_bits_are_part_of_the_content():
    assert residual() != residual(Bits(weight=4))
    assert content_hash(residual()) != content_hash(residual(Bits(weight=4)))


def test_renaming_ops_changes_neither_macs_nor_parameters():
    original = residual()
    ops = tuple(
        dataclasses.replace(
            op,
            name=f"new.{op.name}",
            inputs=tuple(source if source == "x" else f"new.{source}" for source in op.inputs),
        )
        for op in original.ops
    )
    renamed = Workload("renamed", IMAGE, ops, ("new.fc",))
    assert (renamed.macs, renamed.parameters) == (original.macs, original.parameters)


RELU = Elementwise("relu", ("x",), Function.RELU)


@pytest.mark.parametrize(
    ("inputs", "ops", "outputs", "message"),
    [
        pytest.param(IMAGE, (), ("x",), "has no ops", id="no ops"),
        pytest.param(IMAGE, (RELU,), (), "has no outputs", id="no outputs"),
        pytest.param(IMAGE, (RELU,), ("y",), "output 'y'", id="unknown output"),
        pytest.param(IMAGE, (RELU,), ("relu", "relu"), "an output twice", id="an output twice"),
        pytest.param(IMAGE, (RELU, RELU), ("relu",), "'relu' occurs twice", id="an op twice"),
        pytest.param((*IMAGE, *IMAGE), (RELU,), ("relu",), "'x' occurs twice", id="an input twice"),
        pytest.param(
            (("relu", (1,)), *IMAGE), (RELU,), ("relu",), "'relu' occurs twice", id="an op named like an input"
        ),
        pytest.param(IMAGE, (Elementwise("", ("x",), Function.RELU),), ("",), "empty name", id="an op without a name"),
        pytest.param(
            IMAGE, (Elementwise("y", ("z",), Function.RELU),), ("y",), "op 'y' reads 'z'", id="an unknown source"
        ),
        pytest.param(
            IMAGE,
            (Elementwise("y", ("relu",), Function.RELU), RELU),
            ("y",),
            "op 'y' reads 'relu'",
            id="a later source",
        ),
        pytest.param((("x", (1, 0)),), (RELU,), ("relu",), "'x' has shape", id="an empty input"),
        pytest.param((("x", (2**20, 2**20)),), (RELU,), ("relu",), "'x' has shape", id="an input too large"),
        pytest.param(
            (("x", (2**20, 1)),), (Linear("fc", ("x",), 2**20),), ("fc",), "'fc' has shape", id="an output too large"
        ),
    ],
)
def test_an_illegal_graph_is_refused(inputs, ops, outputs, message):
    with pytest.raises(WorkloadError, match=message):
        Workload("bad", inputs, ops, outputs)


def test_a_graph_with_too_many_ops_is_refused():
    with pytest.raises(WorkloadError, match="the limit is"):
        Workload("long", IMAGE, (RELU,) * (MAX_OPS + 1), ("relu",))


def test_tied_arrays_count_once():
    table = Embedding("table", ("tokens",), rows=10, width=4)
    head = Linear("head", ("table",), 10, bias=False, tied=(("weight", "table.weight"),))
    workload = Workload("tied", (("tokens", (1, 3)),), (table, head), ("head",))
    assert workload.parameters == 40
    assert list(weight_shapes(workload)) == ["table.weight"]


@pytest.mark.parametrize(
    "tied",
    [("weight", "nowhere.weight"), ("nothing", "table.weight"), ("bias", "table.weight"), ("weight", "head.weight")],
)
def test_an_array_tied_to_none_of_its_shape_is_refused(tied):
    table = Embedding("table", ("tokens",), rows=10, width=4)
    head = Linear("head", ("table",), 10, tied=(tied,))
    with pytest.raises(WorkloadError, match=r"op 'head': its array .* no earlier op owns in that shape"):
        Workload("tied", (("tokens", (1, 3)),), (table, head), ("head",))


def test_an_op_too_large_to_count_is_refused_by_name():
    with pytest.raises(WorkloadError, match=r"op 'fc' \(Linear\): the loops hold"):
        Workload("large", (("x", (1, 2**31 - 1)),), (Linear("fc", ("x",), 2**31 - 1),), ("fc",))


def test_more_axes_than_an_array_can_have_are_refused():
    with pytest.raises(WorkloadError, match="'view' has 65 axes; the limit is 64"):
        Workload("deep", (("x", (1, 2)),), (Reshape("view", ("x",), (1,) * 64 + (2,)),), ("view",))

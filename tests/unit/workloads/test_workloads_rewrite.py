"""Models spelled out in the ways exporters do, read as what they are."""

from __future__ import annotations

import numpy as np
import pytest

from coexplore.workloads.onnx_import import read_onnx
from coexplore.workloads.op import (
    Constant,
    Conv2d,
    Elementwise,
    Embedding,
    EmbeddingBag,
    Expand,
    Function,
    GroupNorm,
    LayerNorm,
    Linear,
    MatMul,
    Pooling,
    Reshape,
    RmsNorm,
    Softmax,
)

onnx = pytest.importorskip("onnx")


class Graph:
    """Writes an ONNX graph line by line."""

    def __init__(self, tmp_path, shape, opset=18):
        self._path, self._shape, self._opset = tmp_path / "graph.onnx", shape, opset
        self._nodes, self._stored = [], []

    def store(self, value, kind=np.float32):
        name = f"stored{len(self._stored)}"
        self._stored.append(onnx.numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def __call__(self, kind, *inputs, output=None, **attributes):
        names = [entry if isinstance(entry, str) else self.store(entry) for entry in inputs]
        output = output or f"t{len(self._nodes)}"
        self._nodes.append(onnx.helper.make_node(kind, names, [output], name=f"/{output}", **attributes))
        return output

    def read(self, *outputs, index_input=False):
        helper, proto = onnx.helper, onnx.TensorProto
        kind = proto.INT64 if index_input else proto.FLOAT
        graph = helper.make_graph(
            self._nodes,
            "graph",
            [helper.make_tensor_value_info("x", kind, self._shape)],
            [helper.make_tensor_value_info(name, proto.FLOAT, None) for name in outputs],
            self._stored,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self._opset)], ir_version=9)
        self._path.write_bytes(model.SerializeToString())
        return read_onnx(self._path)


def only(workload):
    (op,) = workload.ops
    return op


def gelu_by_division(g):
    return g("Mul", g("Mul", "x", g("Add", g("Erf", g("Div", "x", 2**0.5)), 1.0)), 0.5)


def gelu_halved_first(g):
    return g("Mul", g("Mul", 0.5, "x"), g("Add", 1.0, g("Erf", g("Mul", "x", 0.5**0.5))))


def gelu_by_tangent(g):
    cube = g("Mul", g("Pow", "x", 3.0), 0.044715)
    tangent = g("Tanh", g("Mul", g("Add", "x", cube), (2 / np.pi) ** 0.5))
    return g("Mul", g("Mul", "x", 0.5), g("Add", tangent, 1.0))


SPELLINGS = {
    Function.GELU: [
        gelu_by_division,
        gelu_halved_first,
        gelu_by_tangent,
        lambda g: g("Mul", "x", g("Sigmoid", g("Mul", "x", 1.702))),
    ],
    Function.SILU: [
        lambda g: g("Mul", g("Sigmoid", "x"), "x"),
        lambda g: g("Div", "x", g("Add", g("Exp", g("Neg", "x")), 1.0)),
    ],
    Function.HARD_SWISH: [
        lambda g: g("Mul", "x", g("Div", g("Clip", g("Add", "x", 3.0), 0.0, 6.0), 6.0)),
        lambda g: g("Div", g("Mul", "x", g("Clip", g("Add", "x", 3.0), 0.0, 6.0)), 6.0),
        lambda g: g("Mul", "x", g("HardSigmoid", "x", alpha=1 / 6)),
    ],
    Function.MISH: [lambda g: g("Mul", "x", g("Tanh", g("Softplus", "x")))],
    Function.RELU: [lambda g: g("Max", "x", 0.0)],
    Function.RELU6: [lambda g: g("Min", g("Relu", "x"), 6.0)],
    Function.SIGMOID: [lambda g: g("Reciprocal", g("Add", g("Exp", g("Neg", "x")), 1.0))],
    Function.INVERSE_SQUARE_ROOT: [lambda g: g("Reciprocal", g("Sqrt", "x"))],
}
CASES = [(function, spelling) for function, spellings in SPELLINGS.items() for spelling in spellings]


@pytest.mark.parametrize(("function", "spelling"), CASES)
def test_a_spelled_out_function_gets_its_name(function, spelling, tmp_path):
    graph = Graph(tmp_path, (2, 3, 4))
    op = only(graph.read(spelling(graph)))
    assert isinstance(op, Elementwise)
    assert op.function is function
    assert op.inputs == ("x",)


def test_what_is_nearly_a_function_keeps_its_ops(tmp_path):
    graph = Graph(tmp_path, (2, 3, 4))
    near = graph.read(graph("Mul", "x", graph("Sigmoid", graph("Mul", "x", 1.5))))
    assert [op.function for op in near.ops if isinstance(op, Elementwise)] == [
        Function.MULTIPLY,
        Function.SIGMOID,
        Function.MULTIPLY,
    ]


def test_a_chain_that_is_read_in_between_keeps_its_ops(tmp_path):
    graph = Graph(tmp_path, (2, 3, 4))
    gate = graph("Sigmoid", "x")
    workload = graph.read(graph("Mul", "x", gate), gate)
    assert [op.function for op in workload.ops] == [Function.SIGMOID, Function.MULTIPLY]


def test_arithmetic_that_changes_nothing_disappears(tmp_path):
    graph = Graph(tmp_path, (2, 3, 4))
    assert only(graph.read(graph("Tanh", graph("Add", graph("Mul", "x", 1.0), 0.0)))).inputs == ("x",)


def normalised(g, power=True, axes=(-1,)):
    stored = g.store(axes, np.int64)
    centred = g("Sub", "x", g("ReduceMean", "x", stored))
    squares = g("Pow", centred, 2.0) if power else g("Mul", centred, centred)
    return g("Div", centred, g("Sqrt", g("Add", g("ReduceMean", squares, stored), 1e-5)))


@pytest.mark.parametrize("power", [True, False])
def test_a_spelled_out_layer_normalisation_gets_its_arrays(power, tmp_path):
    graph = Graph(tmp_path, (2, 3, 4))
    scaled = graph("Mul", normalised(graph, power), np.arange(4))
    op = only(graph.read(graph("Add", np.arange(4), scaled)))
    assert isinstance(op, LayerNorm)
    assert (op.axes, op.scale, op.shift) == (1, True, True)


def test_a_layer_normalisation_of_two_axes_without_arrays(tmp_path):
    graph = Graph(tmp_path, (2, 3, 4))
    op = only(graph.read(normalised(graph, axes=(1, 2))))
    assert (type(op), op.axes, op.scale, op.shift) == (LayerNorm, 2, False, False)


def test_a_normalisation_over_channels_is_no_layer_normalisation(tmp_path):
    graph = Graph(tmp_path, (2, 3, 4))
    assert LayerNorm not in {type(op) for op in graph.read(normalised(graph, axes=(1,))).ops}


def test_a_root_mean_square_normalisation_gets_its_scale(tmp_path):
    graph = Graph(tmp_path, (2, 3, 4))
    mean = graph("ReduceMean", graph("Pow", "x", 2.0), graph.store([-1], np.int64))
    ratio = graph("Mul", "x", graph("Reciprocal", graph("Sqrt", graph("Add", mean, 1e-6))))
    op = only(graph.read(graph("Mul", np.arange(4), ratio)))
    assert (type(op), op.scale) == (RmsNorm, True)


def test_a_spelled_out_softmax_gets_its_name(tmp_path):
    graph = Graph(tmp_path, (2, 3, 4))
    last = graph.store([-1], np.int64)
    exponent = graph("Exp", graph("Sub", "x", graph("ReduceMax", "x", last)))
    assert isinstance(only(graph.read(graph("Div", exponent, graph("ReduceSum", exponent, last)))), Softmax)


def test_a_group_normalisation_is_seen_behind_its_views(tmp_path):
    graph = Graph(tmp_path, (2, 6, 4, 5))
    split = graph("Reshape", "x", graph.store([0, 3, -1], np.int64))
    norm = graph("InstanceNormalization", split, np.ones(3), np.zeros(3))
    whole = graph("Reshape", norm, graph.store([2, 6, 4, 5], np.int64))
    scaled = graph("Mul", whole, np.arange(6).reshape(6, 1, 1))
    workload = graph.read(graph("Add", scaled, np.arange(6).reshape(6, 1, 1)))
    assert only(workload).groups == 3
    assert isinstance(only(workload), GroupNorm)
    assert workload.parameters == 12


def test_repeated_key_heads_are_shared_again(tmp_path):
    graph = Graph(tmp_path, (1, 8, 5, 16))
    keys = graph("Slice", "x", *(graph.store([n], np.int64) for n in (0, 2, 1)))
    thin = graph("Unsqueeze", keys, graph.store([2], np.int64))
    wide = graph("Expand", thin, graph.store([1, 2, 4, 5, 16], np.int64))
    repeated = graph("Reshape", wide, graph.store([1, 8, 5, 16], np.int64))
    turned = graph("Mul", graph("Transpose", repeated, perm=[0, 1, 3, 2]), 0.25)
    workload = graph.read(graph("MatMul", "x", turned))
    assert {(loops.G, loops.P, loops.K) for _, loops in workload.mac_ops()} == {(2, 20, 5)}
    assert workload.shapes[workload.outputs[0]] == (1, 8, 5, 5)
    assert Expand not in {type(op) for op in workload.ops}, "the scale is taken of the keys before they are repeated"


def test_a_border_of_zeros_joins_its_convolution(tmp_path):
    graph = Graph(tmp_path, (1, 2, 8, 8))
    padded = graph("Pad", "x", graph.store([0, 0, 0, 1, 0, 0, 1, 2], np.int64))
    op = only(graph.read(graph("Conv", padded, np.zeros((4, 2, 3, 3)), pads=[1, 1, 1, 1])))
    assert isinstance(op, Conv2d)
    assert (op.padding, op.end_padding) == ((1, 2), (2, 3))


def test_a_border_of_ones_stays_before_its_convolution(tmp_path):
    graph = Graph(tmp_path, (1, 2, 8, 8))
    padded = graph("Pad", "x", graph.store([0, 0, 1, 1, 0, 0, 1, 1], np.int64), 1.0)
    assert len(graph.read(graph("Conv", padded, np.zeros((4, 2, 3, 3)))).ops) == 2


@pytest.mark.parametrize(
    ("kind", "pooling"), [("ReduceSum", Pooling.SUM), ("ReduceMean", Pooling.AVERAGE), ("ReduceMax", Pooling.MAX)]
)
def test_reduced_rows_of_a_table_are_a_bag(kind, pooling, tmp_path):
    graph = Graph(tmp_path, (3, 7))
    rows = graph("Gather", np.zeros((100, 8)), "x")
    op = only(graph.read(graph(kind, rows, graph.store([1], np.int64), keepdims=0), index_input=True))
    assert op == EmbeddingBag(op.name, ("x",), 100, 8, pooling)


def test_a_head_that_is_the_table_is_tied_to_it(tmp_path):
    table = np.random.default_rng(0).random((100, 8))
    for turned in (False, True):
        graph = Graph(tmp_path, (1, 7))
        stored = graph.store(table)
        rows = graph("Tanh", graph("Gather", stored, "x"))
        factor = graph.store(table.T) if turned else graph("Transpose", stored, perm=[1, 0])
        workload = graph.read(graph("MatMul", rows, factor), index_input=True)
        assert [type(op) for op in workload.ops] == [Embedding, Elementwise, Linear]
        assert workload.parameters == 800


def test_a_matrix_of_the_size_of_the_table_is_its_own(tmp_path):
    graph = Graph(tmp_path, (1, 7))
    rows = graph("Gather", np.zeros((100, 8)), "x")
    assert graph.read(graph("MatMul", rows, np.ones((8, 100))), index_input=True).parameters == 1600


def test_an_array_used_twice_counts_once(tmp_path):
    graph = Graph(tmp_path, (1, 3, 4))
    weight, bias = graph.store(np.ones((4, 4))), graph.store(np.arange(4))
    first = graph("Add", graph("MatMul", "x", weight), bias)
    workload = graph.read(graph("Add", graph("MatMul", graph("Tanh", first), weight), bias))
    one, _, two = workload.ops
    assert (one.bias, two.bias, workload.parameters) == (True, True, 20)
    assert dict(two.tied) == {"weight": f"{one.name}.weight", "bias": f"{one.name}.bias"}


def test_a_mask_is_not_trained(tmp_path):
    mask = np.triu(np.full((4, 4), -np.inf), 1)
    graph = Graph(tmp_path, (1, 4, 4))
    workload = graph.read(graph("Softmax", graph("Add", "x", mask), axis=-1))
    assert [type(op) for op in workload.ops] == [Constant, Elementwise, Softmax]
    assert workload.parameters == 0


def test_a_mask_made_from_shapes_is_known(tmp_path):
    graph = Graph(tmp_path, (1, 2, 5, 5))
    size = graph("Shape", "x", start=2)
    ones = graph("ConstantOfShape", size, value=onnx.numpy_helper.from_array(np.ones(1, np.float32)))
    low = graph("Trilu", ones, upper=0)
    chosen = graph("Where", graph("Cast", low, to=onnx.TensorProto.BOOL), "x", -np.inf)
    workload = graph.read(graph("Softmax", chosen, axis=-1))
    assert workload.shapes[workload.ops[0].name] == (5, 5)
    assert [type(op) for op in workload.ops] == [Constant, Constant, Elementwise, Softmax]


def test_positions_are_rows_of_their_table(tmp_path):
    graph = Graph(tmp_path, (1, 7, 8))
    count = graph("Gather", graph("Shape", "x"), graph.store(1, np.int64))
    places = graph("Range", graph.store(0, np.int64), count, graph.store(1, np.int64))
    workload = graph.read(graph("Add", "x", graph("Gather", np.ones((64, 8)), places)))
    assert [type(op) for op in workload.ops] == [Constant, Embedding, Elementwise]
    assert workload.parameters == 512


def test_views_of_views_are_one_view(tmp_path):
    graph = Graph(tmp_path, (2, 3, 4))
    flat = graph("Reshape", "x", graph.store([6, 4], np.int64))
    op = only(graph.read(graph("Reshape", flat, graph.store([3, 8], np.int64))))
    assert op == Reshape(op.name, ("x",), (3, 8))


def test_a_product_with_a_stored_first_factor_is_a_product(tmp_path):
    graph = Graph(tmp_path, (2, 3, 4))
    workload = graph.read(graph("MatMul", np.ones((5, 3)), "x"))
    assert [type(op) for op in workload.ops] == [Constant, MatMul]
    assert workload.parameters == 15
    assert workload.macs == 2 * 5 * 3 * 4

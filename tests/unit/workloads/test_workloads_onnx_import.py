from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.core.errors import WorkloadError
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.workloads.onnx_export import export_onnx
from coexplore.workloads.onnx_import import read_onnx
from coexplore.workloads.op import (
    BatchNorm,
    Constant,
    Conv2d,
    Elementwise,
    Function,
    Gather,
    GlobalAveragePool,
    LayerNorm,
    Linear,
    MatMul,
    Pool2d,
    Pooling,
    Reshape,
    Slice,
    Softmax,
    Transpose,
)
from coexplore.workloads.weights import weight_shapes

onnx = pytest.importorskip("onnx")
FLOAT = onnx.TensorProto.FLOAT if onnx else None


def node(kind, inputs, output, **attributes):
    return onnx.helper.make_node(kind, inputs, [output], name=f"the {kind}", **attributes)


def floats(name, *shape, value=0.0):
    return onnx.numpy_helper.from_array(np.full(shape, value, dtype=np.float32), name)


def integers(name, *values):
    return onnx.numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def model(nodes, stored=(), inputs=(("x", (1, 4, 8, 8)),), output="y", opset=20):
    graph = onnx.helper.make_graph(
        nodes,
        "graph",
        [onnx.helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs],
        [onnx.helper.make_tensor_value_info(output, FLOAT, None)],
        list(stored),
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=9)


def read(tmp_path, *arguments, **settings):
    path = tmp_path / "model.onnx"
    path.write_bytes(model(*arguments, **settings).SerializeToString())
    return read_onnx(path)


def only(workload):
    (op,) = workload.ops
    return op


FEATURES = (("x", (1, 4)),)
TOKENS = (("x", (1, 3, 4)),)


def test_a_convolution_is_read_with_all_its_settings(tmp_path):
    conv = node("Conv", ["x", "w", "b"], "y", strides=[2, 1], pads=[1, 2, 1, 2], dilations=[1, 2], group=2)
    workload = read(tmp_path, [conv], [floats("w", 6, 2, 3, 3), floats("b", 6)])
    assert only(workload) == Conv2d(
        "the Conv", ("x",), 6, (3, 3), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2, bias=True
    )
    assert workload.name == "model"


SINGLE = {
    "Gemm transposed": (
        node("Gemm", ["x", "w", "b"], "y", transB=1),
        [floats("w", 5, 4), floats("b", 5)],
        FEATURES,
        Linear("the Gemm", ("x",), 5),
    ),
    "Gemm": (node("Gemm", ["x", "w"], "y"), [floats("w", 4, 5)], FEATURES, Linear("the Gemm", ("x",), 5, bias=False)),
    "MatMul with weights": (
        node("MatMul", ["x", "w"], "y"),
        [floats("w", 4, 5)],
        TOKENS,
        Linear("the MatMul", ("x",), 5, bias=False),
    ),
    "MatMul of activations": (
        node("MatMul", ["x", "z"], "y"),
        [],
        (*TOKENS, ("z", (1, 4, 2))),
        MatMul("the MatMul", ("x", "z")),
    ),
    **{
        kind: (node(kind, ["x"], "y"), [], TOKENS, Elementwise(f"the {kind}", ("x",), function))
        for kind, function in {
            "Relu": Function.RELU,
            "Sigmoid": Function.SIGMOID,
            "Tanh": Function.TANH,
            "Gelu": Function.GELU,
            "HardSwish": Function.HARD_SWISH,
        }.items()
    },
    "HardSigmoid": (
        node("HardSigmoid", ["x"], "y", alpha=1 / 6),
        [],
        TOKENS,
        Elementwise("the HardSigmoid", ("x",), Function.HARD_SIGMOID),
    ),
    "Clip to six": (
        node("Clip", ["x", "low", "high"], "y"),
        [floats("low"), floats("high", value=6.0)],
        TOKENS,
        Elementwise("the Clip", ("x",), Function.RELU6),
    ),
    "Clip from zero": (
        node("Clip", ["x", "low"], "y"),
        [floats("low")],
        TOKENS,
        Elementwise("the Clip", ("x",), Function.RELU),
    ),
    "Add": (
        node("Add", ["x", "z"], "y"),
        [],
        (*TOKENS, ("z", (3, 1))),
        Elementwise("the Add", ("x", "z"), Function.ADD),
    ),
    "Mul": (
        node("Mul", ["x", "x"], "y"),
        [],
        TOKENS,
        Elementwise("the Mul", ("x", "x"), Function.MULTIPLY),
    ),
    "MaxPool": (
        node("MaxPool", ["x"], "y", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 0]),
        [],
        None,
        Pool2d("the MaxPool", ("x",), Pooling.MAX, (3, 2), (2, 1), (1, 0)),
    ),
    "AveragePool": (
        node("AveragePool", ["x"], "y", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
        [],
        None,
        Pool2d("the AveragePool", ("x",), Pooling.AVERAGE, (3, 3), (1, 1), (1, 1)),
    ),
    "GlobalAveragePool": (
        node("GlobalAveragePool", ["x"], "y"),
        [],
        None,
        GlobalAveragePool("the GlobalAveragePool", ("x",)),
    ),
    "ReduceMean over the image": (
        node("ReduceMean", ["x", "axes"], "y", keepdims=1),
        [integers("axes", -1, 2)],
        None,
        GlobalAveragePool("the ReduceMean", ("x",)),
    ),
    "BatchNormalization": (
        node("BatchNormalization", ["x", "s", "b", "m", "v"], "y"),
        [floats(name, 4) for name in "sbmv"],
        None,
        BatchNorm("the BatchNormalization", ("x",)),
    ),
    "LayerNormalization": (
        node("LayerNormalization", ["x", "s", "b"], "y"),
        [floats("s", 4), floats("b", 4)],
        TOKENS,
        LayerNorm("the LayerNormalization", ("x",)),
    ),
    "Softmax": (node("Softmax", ["x"], "y"), [], TOKENS, Softmax("the Softmax", ("x",))),
    "Flatten": (node("Flatten", ["x"], "y"), [], None, Reshape("the Flatten", ("x",), (1, 256))),
    "Reshape": (
        node("Reshape", ["x", "shape"], "y"),
        [integers("shape", 1, -1)],
        None,
        Reshape("the Reshape", ("x",), (1, -1)),
    ),
    "Reshape that copies sizes": (
        node("Reshape", ["x", "shape"], "y"),
        [integers("shape", 0, 2, -1)],
        None,
        Reshape("the Reshape", ("x",), (1, 2, -1)),
    ),
    "Squeeze": (
        node("Squeeze", ["x", "axes"], "y"),
        [integers("axes", 0)],
        TOKENS,
        Reshape("the Squeeze", ("x",), (3, 4)),
    ),
    "Unsqueeze": (
        node("Unsqueeze", ["x", "axes"], "y"),
        [integers("axes", 1)],
        TOKENS,
        Reshape("the Unsqueeze", ("x",), (1, 1, 3, 4)),
    ),
    "Transpose": (
        node("Transpose", ["x"], "y", perm=[0, 2, 1]),
        [],
        TOKENS,
        Transpose("the Transpose", ("x",), (0, 2, 1)),
    ),
}


@pytest.mark.parametrize("case", SINGLE)
def test_a_node_is_read_as_its_op(case, tmp_path):
    nodes, stored, inputs, expected = SINGLE[case]
    settings = {} if inputs is None else {"inputs": inputs}
    assert only(read(tmp_path, [nodes], stored, **settings)) == expected


def test_an_early_opset_keeps_bounds_and_axes_in_attributes(tmp_path):
    nodes = [node("Clip", ["x"], "c", min=0.0, max=6.0), node("ReduceMean", ["c"], "y", axes=[2, 3], keepdims=0)]
    workload = read(tmp_path, nodes, opset=10)
    assert [type(op) for op in workload.ops] == [Elementwise, GlobalAveragePool, Reshape]
    assert workload.shapes[workload.outputs[0]] == (1, 4)


def test_a_bias_added_after_a_product_joins_it(tmp_path):
    nodes = [node("MatMul", ["x", "w"], "p"), node("Add", ["b", "p"], "y")]
    workload = read(tmp_path, nodes, [floats("w", 4, 5), floats("b", 5)], TOKENS)
    assert only(workload) == Linear("the MatMul", ("x",), 5, bias=True)
    assert workload.outputs == ("the MatMul",)


def test_a_bias_added_after_a_convolution_joins_it(tmp_path):
    nodes = [node("Conv", ["x", "w"], "p"), node("Add", ["p", "b"], "y")]
    assert only(read(tmp_path, nodes, [floats("w", 5, 4, 1, 1), floats("b", 1, 5, 1, 1)])).bias


def test_a_product_that_others_read_keeps_its_addition(tmp_path):
    nodes = [
        node("MatMul", ["x", "w"], "p"),
        node("Add", ["p", "b"], "q"),
        onnx.helper.make_node("Mul", ["p", "q"], ["y"]),
    ]
    workload = read(tmp_path, nodes, [floats("w", 4, 5), floats("b", 5)], TOKENS)
    assert [type(op) for op in workload.ops] == [Linear, Constant, Elementwise, Elementwise]
    assert workload.parameters == 4 * 5 + 5


@pytest.mark.parametrize(
    ("kind", "function", "value"),
    [
        ("Add", Function.ADD, 4.0),
        ("Sub", Function.SUBTRACT, 4.0),
        ("Mul", Function.MULTIPLY, 4.0),
        ("Div", Function.DIVIDE, 4.0),
    ],
)
def test_arithmetic_with_a_number_keeps_its_value(kind, function, value, tmp_path):
    workload = read(tmp_path, [node(kind, ["x", "c"], "y")], [floats("c", value=4.0)], TOKENS)
    constant, op = workload.ops
    assert constant == Constant("c", (), (), value=value)
    assert op == Elementwise(f"the {kind}", ("x", "c"), function)
    assert workload.parameters == 0


def test_an_array_that_is_added_counts_as_trained(tmp_path):
    workload = read(tmp_path, [node("Add", ["x", "place"], "y")], [floats("place", 1, 3, 4)], TOKENS)
    assert workload.parameters == 12


def test_a_number_that_is_computed_in_the_file_is_known(tmp_path):
    nodes = [node("Sqrt", ["c"], "root"), node("Mul", ["x", "root"], "y")]
    workload = read(tmp_path, nodes, [floats("c", 1, value=9.0)], TOKENS)
    assert workload.ops[0] == Constant("root", (), (1,), value=3.0)


def test_a_number_that_cannot_be_computed_is_read_with_a_warning(tmp_path):
    nodes = [node("Erf", ["c"], "root"), node("Mul", ["x", "root"], "y")]
    with pytest.warns(UserWarning, match="'root' is not known and read as 1"):
        read(tmp_path, nodes, [floats("c", 1)], TOKENS)


def test_two_names_of_one_output_are_one_output(tmp_path):
    nodes = [node("Relu", ["x"], "a"), node("Identity", ["a"], "y")]
    path, two = tmp_path / "model.onnx", model(nodes, inputs=TOKENS)
    two.graph.output.append(onnx.helper.make_tensor_value_info("a", FLOAT, None))
    path.write_bytes(two.SerializeToString())
    assert read_onnx(path).outputs == ("the Relu",)


def test_a_gated_sigmoid_becomes_one_function(tmp_path):
    nodes = [node("Sigmoid", ["x"], "gate"), node("Mul", ["x", "gate"], "y")]
    assert only(read(tmp_path, nodes, inputs=TOKENS)).function is Function.SILU


def test_a_transposed_second_factor_joins_its_product(tmp_path):
    nodes = [node("Transpose", ["z"], "t", perm=[0, 2, 1]), node("MatMul", ["x", "t"], "y")]
    workload = read(tmp_path, nodes, inputs=(*TOKENS, ("z", (1, 5, 4))))
    assert only(workload) == MatMul("the MatMul", ("x", "z"), transpose_second=True)


def test_dropout_and_identity_disappear(tmp_path):
    nodes = [node("Identity", ["x"], "a"), node("Dropout", ["a"], "b"), node("Relu", ["b"], "y")]
    assert only(read(tmp_path, nodes, inputs=TOKENS)).inputs == ("x",)


def test_arithmetic_on_shapes_is_followed_and_dropped(tmp_path):
    nodes = [
        node("Shape", ["x"], "all"),
        onnx.helper.make_node("Gather", ["all", "first"], ["batch"]),
        node("Concat", ["batch", "rest"], "shape", axis=0),
        node("Reshape", ["x", "shape"], "y"),
    ]
    stored = [integers("first", 0), integers("rest", -1)]
    assert only(read(tmp_path, nodes, stored)).shape == (1, -1)


def test_weights_that_are_computed_are_folded(tmp_path):
    nodes = [node("Transpose", ["w"], "t", perm=[1, 0]), node("MatMul", ["x", "t"], "y")]
    assert only(read(tmp_path, nodes, [floats("w", 50, 4)], TOKENS)).out_features == 50


def test_weights_in_constant_nodes_are_read(tmp_path):
    nodes = [onnx.helper.make_node("Constant", [], ["w"], value=floats("", 4, 5)), node("MatMul", ["x", "w"], "y")]
    assert only(read(tmp_path, nodes, inputs=TOKENS)).out_features == 5


def test_unnamed_and_repeated_nodes_get_names_of_their_own(tmp_path):
    nodes = [
        onnx.helper.make_node("Relu", ["x"], ["a"]),
        onnx.helper.make_node("Tanh", ["a"], ["b"], name="same"),
        onnx.helper.make_node("Sin", ["b"], ["y"], name="same"),
    ]
    assert [op.name for op in read(tmp_path, nodes, inputs=TOKENS).ops] == ["a", "same", "same_2"]


@pytest.mark.parametrize("open_size", ["batch", None])
def test_an_open_batch_is_one_unless_said_otherwise(open_size, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(model([node("Relu", ["x"], "y")], inputs=(("x", (open_size, 4)),)).SerializeToString())
    assert read_onnx(path).inputs == (("x", (1, 4)),)
    assert read_onnx(path, batch=3).inputs == (("x", (3, 4)),)


@pytest.mark.parametrize(("open_size", "said", "key"), [("rows", "'rows'", "rows"), (None, "'unknown'", "x.2")])
def test_any_other_open_size_is_refused_with_its_place(open_size, said, key, tmp_path):
    message = rf"input 'x' has a dynamic shape, axis 2 is {said}; give it a size, such as .*{{'{key}': 128}}.*export"
    with pytest.raises(WorkloadError, match=message):
        read(tmp_path, [node("Relu", ["x"], "y")], inputs=(("x", (1, 4, open_size)),))


def test_symbolic_sizes_are_set_by_name(tmp_path):
    nodes = [node("Transpose", ["x"], "t", perm=[0, 2, 1]), node("MatMul", ["x", "t"], "y")]
    path = tmp_path / "model.onnx"
    path.write_bytes(model(nodes, inputs=(("x", ("batch", "sequence", None)),)).SerializeToString())
    workload = read_onnx(path, batch=2, sizes={"sequence": 7, "x.2": 16})
    assert workload.inputs == (("x", (2, 7, 16)),)
    assert workload.macs == 2 * 7 * 7 * 16
    assert read_onnx(path, sizes={"batch": 3, "sequence": 7, "x.2": 16}).inputs == (("x", (3, 7, 16)),)


@pytest.mark.parametrize("size", [0, -1, 2**31, 1.5, "7"])
def test_a_size_that_is_none_is_refused_by_name(size, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(model([node("Relu", ["x"], "y")], inputs=(("x", (1, "rows")),)).SerializeToString())
    with pytest.raises(WorkloadError, match=r"sizes\['rows'\] is .*give a whole number from 1"):
        read_onnx(path, sizes={"rows": size})


def test_a_size_of_no_axis_is_refused(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(model([node("Relu", ["x"], "y")], inputs=TOKENS).SerializeToString())
    with pytest.raises(WorkloadError, match=r"sizes names \['rows'\], which no open axis of .* is called"):
        read_onnx(path, sizes={"rows": 3})


def test_a_signal_is_an_image_of_height_one(tmp_path):
    nodes = [
        node("Conv", ["x", "w"], "c", strides=[2], pads=[2, 2]),
        node("MaxPool", ["c"], "y", kernel_shape=[2], strides=[2]),
    ]
    workload = read(tmp_path, nodes, [floats("w", 6, 4, 5)], (("x", (1, 4, 32)),))
    conv = next(op for op in workload.ops if isinstance(op, Conv2d))
    assert (conv.kernel, conv.stride, conv.padding) == ((1, 5), (1, 2), (0, 2))
    assert workload.shapes[workload.outputs[0]] == (1, 6, 8)


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
def test_a_transposed_convolution_counts_only_useful_products(kernel, tmp_path):
    up = node("ConvTranspose", ["x", "w", "b"], "y", strides=[2, 2], pads=[0, 0, kernel - 2, kernel - 2], group=2)
    workload = read(tmp_path, [up], [floats("w", 4, 3, kernel, kernel), floats("b", 6)])
    assert workload.shapes[workload.outputs[0]] == (1, 6, 16, 16)
    assert workload.macs == 8 * 8 * kernel**2 * 4 * 3
    assert workload.parameters == 4 * 3 * kernel**2 + 6


def test_an_open_size_of_a_transposed_convolution_is_refused(tmp_path):
    up = node("ConvTranspose", ["x", "w"], "y", strides=[2, 2], auto_pad="SAME_UPPER")
    with pytest.raises(WorkloadError, match="export explicit pads"):
        read(tmp_path, [up], [floats("w", 4, 3, 3, 3)])


@pytest.mark.parametrize("settings", [{"strides": [2**20, 2**20]}, {"strides": [40, 40]}])
def test_a_stride_that_no_network_has_is_refused(settings, tmp_path):
    with pytest.raises(WorkloadError, match="too large"):
        read(tmp_path, [node("ConvTranspose", ["x", "w"], "y", **settings)], [floats("w", 4, 3, 3, 3)])


def test_parts_of_a_split_are_views_and_only_those_that_are_read(tmp_path):
    nodes = [
        onnx.helper.make_node("Split", ["x"], ["a", "b", "c"], name="split", axis=1, num_outputs=3),
        node("Add", ["a", "c"], "y"),
    ]
    workload = read(tmp_path, nodes, inputs=(("x", (1, 6, 4)),))
    parts = [op for op in workload.ops if isinstance(op, Slice)]
    assert [(op.name, op.start, op.stop) for op in parts] == [("split.0", 0, 2), ("split.2", 4, 6)]


def test_one_known_entry_is_a_view_and_others_are_copies(tmp_path):
    first = read(tmp_path, [node("Gather", ["x", "i"], "y", axis=1)], [integers("i", 2)], TOKENS)
    assert [type(op) for op in first.ops] == [Slice]
    scalar = onnx.numpy_helper.from_array(np.array(-1), "i")
    assert read(tmp_path, [node("Gather", ["x", "i"], "y", axis=1)], [scalar], TOKENS).shapes["the Gather.view"] == (
        1,
        4,
    )
    mixed = read(tmp_path, [node("Gather", ["x", "i"], "y", axis=1)], [integers("i", 2, 0)], TOKENS)
    assert [type(op) for op in mixed.ops] == [Constant, Gather]


def test_depth_becomes_space_by_views(tmp_path):
    for mode in ("DCR", "CRD"):
        workload = read(tmp_path, [node("DepthToSpace", ["x"], "y", blocksize=2, mode=mode)])
        assert [type(op) for op in workload.ops] == [Reshape, Transpose, Reshape]
        assert workload.shapes[workload.outputs[0]] == (1, 1, 16, 16)


def test_several_summands_are_added_one_after_the_other(tmp_path):
    workload = read(tmp_path, [node("Sum", ["x", "x", "x"], "y")], inputs=TOKENS)
    assert [op.function for op in workload.ops] == [Function.ADD, Function.ADD]


def test_numbers_beside_the_model_are_read_from_its_folder_only(tmp_path):
    mask = np.triu(np.full((40, 40), -np.inf, np.float32), 1)
    (tmp_path / "beside.bin").write_bytes(b"----" + mask.tobytes())
    stored = floats("mask", 40, 40)
    stored.ClearField("raw_data")
    stored.data_location = onnx.TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="beside.bin")
    stored.external_data.add(key="offset", value="4")
    nodes = [node("Add", ["x", "mask"], "y")]
    assert read(tmp_path, nodes, [stored], (("x", (1, 40, 40)),)).parameters == 0
    stored.external_data[1].value = "8"  # too short from there on
    assert read(tmp_path, nodes, [stored], (("x", (1, 40, 40)),)).parameters == 1600


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "outside.bin").write_bytes(np.full((40, 40), -np.inf, np.float32).tobytes())
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "beside.bin").symlink_to(tmp_path / "outside.bin")
    stored = floats("mask", 40, 40)
    stored.ClearField("raw_data")
    stored.data_location = onnx.TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="beside.bin")
    workload = read(tmp_path / "folder", [node("Add", ["x", "mask"], "y")], [stored], (("x", (1, 40, 40)),))
    assert workload.parameters == 1600, "its content is unknown"


def test_a_shape_that_depends_on_data_is_refused(tmp_path):
    inputs = (("x", (1, 4)), ("shape", (2,)))
    nodes = [node("Cast", ["shape"], "s", to=onnx.TensorProto.INT64), node("Reshape", ["x", "s"], "y")]
    with pytest.raises(WorkloadError, match=r"node 1 \('the Reshape', Reshape\): input 1 \('s'\) depends on data"):
        read(tmp_path, nodes, inputs=inputs)


def test_an_unsupported_node_is_named_with_its_place_and_what_is_supported(tmp_path):
    nodes = [node("Relu", ["x"], "a"), node("Einsum", ["a"], "y", equation="ij->ji")]
    message = (
        r"node 1 \('the Einsum'\) is a Einsum, which is not supported; "
        r"it reads 'a' from node 0 \('the Relu', Relu\); .*Conv.*Softmax"
    )
    with pytest.raises(WorkloadError, match=message):
        read(tmp_path, nodes, inputs=FEATURES)


def test_a_node_of_another_domain_is_refused(tmp_path):
    with pytest.raises(WorkloadError, match=r"com\.acme\.Relu, which is not supported"):
        read(tmp_path, [node("Relu", ["x"], "y", domain="com.acme")])


REFUSED = {
    "3-D convolution": (
        node("Conv", ["x", "w"], "y"),
        [floats("w", 5, 4, 1, 1, 1)],
        (("x", (1, 4, 2, 2, 2)),),
        "only 1-D and 2-D convolutions",
    ),
    "3-D pooling": (
        node("MaxPool", ["x"], "y", kernel_shape=[2, 2, 2]),
        [],
        (("x", (1, 4, 2, 2, 2)),),
        "only pooling of images and signals",
    ),
    "dilated pooling": (
        node("MaxPool", ["x"], "y", kernel_shape=[2, 2], dilations=[2, 2]),
        [],
        None,
        "only undilated pooling",
    ),
    "computed weights": (
        node("Conv", ["x", "z"], "y"),
        [],
        (("x", (1, 4, 8, 8)), ("z", (5, 4, 1, 1))),
        "input 1 must be a stored array",
    ),
    "a weight that does not fit": (
        node("Gemm", ["x", "w"], "y", transA=1),
        [floats("w", 1, 5)],
        (("x", (2, 4)),),
        r"a weight of \(1, 5\) does not fit",
    ),
    "a product that does not broadcast": (
        node("MatMul", ["x", "z"], "y"),
        [],
        (("x", (2, 3, 4)), ("z", (3, 4, 5))),
        "ncompatible|do not broadcast",
    ),
    "resized channels": (
        node("Resize", ["x", "", "scales"], "y"),
        [onnx.numpy_helper.from_array(np.array([1, 2, 1, 1], np.float32), "scales") if onnx else None],
        None,
        "only height and width may change",
    ),
    "an empty part": (
        node("Slice", ["x", "start", "stop", "axis"], "y"),
        [integers("start", 3), integers("stop", 3), integers("axis", 1)],
        None,
        "are none; leave it out",
    ),
    "a shape from data": (
        node("Expand", ["x", "z"], "y"),
        [],
        (("x", (1, 4)), ("z", (2,))),
        "not a legal ONNX model|depends on data",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_workload_cannot_say_is_refused_with_the_reason(case, tmp_path):
    nodes, stored, inputs, message = REFUSED[case]
    settings = {} if inputs is None else {"inputs": inputs}
    with pytest.raises(WorkloadError, match=message):
        read(tmp_path, [nodes], stored, **settings)


@pytest.mark.parametrize(
    ("settings", "before", "after"),
    [
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (0, 0), (1, 1)),
        ({"auto_pad": "SAME_LOWER", "strides": [2, 2]}, (1, 1), (0, 0)),
        ({"pads": [0, 0, 1, 1], "strides": [2, 2]}, (0, 0), (1, 1)),
    ],
    ids=["upper", "lower", "explicit"],
)
def test_one_sided_padding_of_a_convolution_is_exact(settings, before, after, tmp_path):
    workload = read(tmp_path, [node("Conv", ["x", "w"], "y", **settings)], [floats("w", 5, 4, 3, 3)])
    assert (only(workload).padding, only(workload).end_padding) == (before, after)
    assert workload.shapes["the Conv"] == (1, 5, 4, 4)


def test_one_sided_padding_of_a_pooling_is_exact(tmp_path):
    pool = node("MaxPool", ["x"], "y", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    op = only(read(tmp_path, [pool]))
    assert (op.padding, op.end_padding) == ((0, 0), (1, 1))


def test_symmetric_same_padding_is_exact(tmp_path):
    conv = node("Conv", ["x", "w"], "y", auto_pad="SAME_UPPER")
    assert only(read(tmp_path, [conv], [floats("w", 5, 4, 3, 5)])).padding == (1, 2)


def test_pooling_that_rounds_up_keeps_its_size(tmp_path):
    pool = node("MaxPool", ["x"], "y", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    workload = read(tmp_path, [pool])
    assert workload.shapes["the MaxPool"] == (1, 4, 4, 4)
    assert only(workload).pads == ((0, 1), (0, 1))


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    family, path = PlainCnn(layers=(1,), filters=(2,)), tmp_path_factory.mktemp("onnx") / "small.onnx"
    workload = family.lower(next(family.space.enumerate()))
    export_onnx(workload, {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(workload).items()}, path)
    return path


def test_every_truncation_is_refused(small_file, tmp_path):
    content, path = small_file.read_bytes(), tmp_path / "truncated.onnx"
    for length in range(0, len(content), 23):
        path.write_bytes(content[:length])
        with pytest.raises(WorkloadError):
            read_onnx(path)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
def test_damage_gives_a_workload_or_a_clear_refusal(small_file, tmp_path_factory, changes):
    content = bytearray(small_file.read_bytes())
    for position, value in changes:
        content[position % len(content)] = value
    path = small_file.with_name("damaged.onnx")
    path.write_bytes(bytes(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(WorkloadError):
            assert read_onnx(path).ops


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(WorkloadError, match=r"nowhere\.onnx does not exist"):
        read_onnx(tmp_path / "nowhere.onnx")


def test_a_file_above_the_limit_is_refused_unread(small_file):
    with pytest.raises(WorkloadError, match="more than the limit of 100"):
        read_onnx(small_file, limit_bytes=100)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "text.onnx").write_text("this is a text\n" * 20)
    with pytest.raises(WorkloadError, match=r"text\.onnx"):
        read_onnx(tmp_path / "text.onnx")


def with_external_weight(location):
    weight = floats("w", 4, 500)
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    return [node("MatMul", ["x", "w"], "y")], [weight], TOKENS


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../b", "..\\secret", "C:\\secret"])
def test_data_outside_the_folder_of_the_model_is_refused(location, tmp_path):
    with pytest.raises(WorkloadError, match="outside the folder of the model"):
        read(tmp_path, *with_external_weight(location))


def test_data_outside_the_folder_is_refused_in_constant_nodes_too(tmp_path):
    nodes, (weight,), inputs = with_external_weight("../secret")
    constant = onnx.helper.make_node("Constant", [], ["w"], value=weight)
    with pytest.raises(WorkloadError, match="outside the folder of the model"):
        read(tmp_path, [constant, *nodes], inputs=inputs)


def test_data_beside_the_model_is_not_needed(tmp_path):
    assert only(read(tmp_path, *with_external_weight("absent.bin"))).out_features == 500


def test_bits_that_are_no_bits_are_refused(small_file, tmp_path):
    loaded = onnx.load(small_file)
    for entry in loaded.graph.node[0].metadata_props:
        entry.value = "8,8,0x8,8" if entry.key == "coexplore.bits" else entry.value
    onnx.save(loaded, tmp_path / "bits.onnx")
    with pytest.raises(WorkloadError, match="four numbers from 1 to 64"):
        read_onnx(tmp_path / "bits.onnx")


def torch_module():
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(3, 8, 3, padding=1, bias=False)
            self.norm = nn.BatchNorm2d(8)
            self.depthwise = nn.Conv2d(8, 8, 5, padding=2, groups=8)
            self.pool = nn.MaxPool2d(3, 2, 1)
            self.squeeze, self.excite = nn.Linear(8, 2), nn.Linear(2, 8)
            self.drop, self.head = nn.Dropout(0.5), nn.Linear(8, 5)

        def forward(self, x):
            x = self.pool(torch.relu(self.norm(self.first(x))))
            x = nn.functional.relu6(x + nn.functional.hardswish(self.depthwise(x)))
            gate = self.excite(nn.functional.silu(self.squeeze(x.mean((2, 3)))))
            x = x * torch.sigmoid(gate).unsqueeze(-1).unsqueeze(-1)
            x = nn.functional.adaptive_avg_pool2d(x, 1)
            return self.head(self.drop(x.view(x.size(0), -1)))

    return Small().eval(), torch.zeros(1, 3, 16, 16)


@pytest.mark.parametrize("axes", [None, {"x": {0: "batch"}}], ids=["fixed", "open batch"])
def test_a_network_exported_by_torch_is_read(axes, tmp_path):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    module, image = torch_module()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.onnx.export(
            module, (image,), str(tmp_path / "m.onnx"), dynamo=False, input_names=["x"], dynamic_axes=axes
        )
    workload = read_onnx(tmp_path / "m.onnx")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(image)
    assert 2 * workload.macs == counter.get_total_flops()
    assert workload.shapes[workload.outputs[0]] == (1, 5)
    # The exporter folds the normalisation into the convolution: 16 parameters become 8 biases.
    assert workload.parameters == sum(parameter.numel() for parameter in module.parameters()) - 8

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
    GlobalAveragePool,
    LayerNorm,
    Linear,
    MatMul,
    Pool2d,
    Pooling,
    Reshape,
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
        Reshape("the Reshape", ("x",), (1, 2, 128)),
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
        ("Sub", Function.ADD, -4.0),
        ("Mul", Function.MULTIPLY, 4.0),
        ("Div", Function.MULTIPLY, 0.25),
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


def test_a_number_that_is_computed_is_read_with_a_warning(tmp_path):
    nodes = [node("Sqrt", ["c"], "root"), node("Mul", ["x", "root"], "y")]
    with pytest.warns(UserWarning, match="'root' is computed in the file and read as 1"):
        workload = read(tmp_path, nodes, [floats("c", 1)], TOKENS)
    assert workload.ops[0] == Constant("root", (), (1,), value=1.0)


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
    assert only(read(tmp_path, nodes, stored)).shape == (1, 256)


def test_weights_that_are_computed_are_folded(tmp_path):
    nodes = [node("Transpose", ["w"], "t", perm=[1, 0]), node("MatMul", ["x", "t"], "y")]
    assert only(read(tmp_path, nodes, [floats("w", 50, 4)], TOKENS)).out_features == 50


def test_weights_in_constant_nodes_are_read(tmp_path):
    nodes = [onnx.helper.make_node("Constant", [], ["w"], value=floats("", 4, 5)), node("MatMul", ["x", "w"], "y")]
    assert only(read(tmp_path, nodes, inputs=TOKENS)).out_features == 5


def test_unnamed_and_repeated_nodes_get_names_of_their_own(tmp_path):
    nodes = [
        onnx.helper.make_node("Relu", ["x"], ["a"]),
        onnx.helper.make_node("Relu", ["a"], ["b"], name="same"),
        onnx.helper.make_node("Relu", ["b"], ["y"], name="same"),
    ]
    assert [op.name for op in read(tmp_path, nodes, inputs=TOKENS).ops] == ["a", "same", "same_2"]


@pytest.mark.parametrize("open_size", ["batch", None])
def test_an_open_batch_is_one_unless_said_otherwise(open_size, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(model([node("Relu", ["x"], "y")], inputs=(("x", (open_size, 4)),)).SerializeToString())
    assert read_onnx(path).inputs == (("x", (1, 4)),)
    assert read_onnx(path, batch=3).inputs == (("x", (3, 4)),)


@pytest.mark.parametrize(("open_size", "said"), [("height", "'height'"), (None, "'unknown'")])
def test_any_other_open_size_is_refused_with_its_place(open_size, said, tmp_path):
    with pytest.raises(WorkloadError, match=f"input 'x' has a dynamic shape, axis 2 is {said}; export the model"):
        read(tmp_path, [node("Relu", ["x"], "y")], inputs=(("x", (1, 4, open_size)),))


def test_a_shape_that_depends_on_data_is_refused(tmp_path):
    inputs = (("x", (1, 4)), ("shape", (2,)))
    nodes = [node("Cast", ["shape"], "s", to=onnx.TensorProto.INT64), node("Reshape", ["x", "s"], "y")]
    with pytest.raises(WorkloadError, match=r"node 1 \('the Reshape', Reshape\): the shape of 'y' is dynamic"):
        read(tmp_path, nodes, inputs=inputs)


def test_an_unsupported_node_is_named_with_what_is_supported(tmp_path):
    nodes = [node("Relu", ["x"], "a"), node("Einsum", ["a"], "y", equation="ij->ji")]
    with pytest.raises(
        WorkloadError, match=r"node 1 \('the Einsum'\) is a Einsum, which is not supported; .*Conv.*Softmax"
    ):
        read(tmp_path, nodes, inputs=FEATURES)


def test_a_node_of_another_domain_is_refused(tmp_path):
    with pytest.raises(WorkloadError, match=r"com\.acme\.Relu, which is not supported"):
        read(tmp_path, [node("Relu", ["x"], "y", domain="com.acme")])


REFUSED = {
    "a bound that is no bound of ours": (
        node("Clip", ["x", "low", "high"], "y"),
        [floats("low", value=-1.0), floats("high", value=1.0)],
        TOKENS,
        "the bounds are -1 and 1",
    ),
    "softmax over channels": (node("Softmax", ["x"], "y", axis=1), [], TOKENS, "the axis is 1"),
    "mean over features": (
        node("ReduceMean", ["x", "axes"], "y"),
        [integers("axes", -1)],
        TOKENS,
        r"the mean is over axes \(-1,\)",
    ),
    "1-D convolution": (node("Conv", ["x", "w"], "y"), [floats("w", 5, 3, 2)], TOKENS, "only 2-D convolutions"),
    "1-D pooling": (node("MaxPool", ["x"], "y", kernel_shape=[2]), [], TOKENS, "only 2-D pooling"),
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
    "transposed data": (node("Gemm", ["x", "w"], "y", transA=1), [floats("w", 1, 5)], FEATURES, "only x"),
    "a quotient of activations": (
        node("Div", ["x", "z"], "y"),
        [],
        (*TOKENS, ("z", (1, 3, 4))),
        "only Add and Mul are supported",
    ),
    "a product that broadcasts": (
        node("MatMul", ["x", "z"], "y"),
        [],
        (("x", (2, 3, 4)), ("z", (1, 4, 5))),
        "leading axes differ",
    ),
    "padding on one side only": (
        node("Conv", ["x", "w"], "y", pads=[0, 0, 1, 0]),
        [floats("w", 5, 4, 2, 1)],
        None,
        "no symmetric counterpart",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_workload_cannot_say_is_refused_with_the_reason(case, tmp_path):
    nodes, stored, inputs, message = REFUSED[case]
    settings = {} if inputs is None else {"inputs": inputs}
    with pytest.raises(WorkloadError, match=message):
        read(tmp_path, [nodes], stored, **settings)


@pytest.mark.parametrize(
    ("nodes", "padding"),
    [
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (1, 1)),
        ({"pads": [0, 0, 1, 1], "strides": [2, 2]}, (1, 1)),
    ],
    ids=["same", "explicit"],
)
def test_one_sided_padding_of_the_same_cost_is_read_with_a_warning(nodes, padding, tmp_path):
    with pytest.warns(UserWarning, match=r"is read as \(1, 1\) on both sides; shapes and cost are unchanged"):
        workload = read(tmp_path, [node("Conv", ["x", "w"], "y", **nodes)], [floats("w", 5, 4, 3, 3)])
    assert only(workload).padding == padding
    assert workload.shapes["the Conv"] == (1, 5, 4, 4)


def test_symmetric_same_padding_is_exact(tmp_path):
    conv = node("Conv", ["x", "w"], "y", auto_pad="SAME_UPPER")
    assert only(read(tmp_path, [conv], [floats("w", 5, 4, 3, 5)])).padding == (1, 2)


def test_pooling_that_rounds_up_keeps_its_size(tmp_path):
    pool = node("MaxPool", ["x"], "y", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    with pytest.warns(UserWarning, match="shapes and cost are unchanged"):
        workload = read(tmp_path, [pool])
    assert workload.shapes["the MaxPool"] == (1, 4, 4, 4)


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

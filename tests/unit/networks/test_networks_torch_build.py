from __future__ import annotations

import copy
import math
import subprocess
import sys

import numpy as np
import pytest

from coexplore.core.errors import MissingExtraError, WorkloadError
from coexplore.networks.alexnet import alexnet
from coexplore.networks.bert import bert_base_layer
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.networks.plain_cnn import Head, PlainCnn
from coexplore.networks.resnet import resnet_18, resnet_50
from coexplore.networks.torch_build import build_module, load_weights, weights_of
from coexplore.networks.vgg import vgg_16
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import (
    BatchNorm,
    Border,
    Concat,
    Constant,
    Conv2d,
    Elementwise,
    Embedding,
    EmbeddingBag,
    Expand,
    Function,
    Gather,
    GlobalAveragePool,
    GroupNorm,
    LayerNorm,
    Linear,
    MatMul,
    Op,
    Pad,
    Pool2d,
    Pooling,
    Reduce,
    Reduction,
    Reshape,
    Resize,
    RmsNorm,
    Slice,
    Softmax,
    Transpose,
)
from coexplore.workloads.weights import weight_shapes

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


def sampled(family, seed=0):
    (point,) = family.space.sample(np.random.default_rng(seed), 1)
    return family.lower(point)


WORKLOADS = {
    "inverted-bottleneck": lambda: sampled(InvertedBottleneck()),
    "inverted-bottleneck-224": lambda: sampled(InvertedBottleneck(input_shape=(3, 224, 224))),
    "plain-cnn": lambda: sampled(PlainCnn(strides=(1, 2))),
    "plain-cnn-average": lambda: sampled(PlainCnn(input_shape=(3, 64, 64), head=Head.AVERAGE)),
    "mobilenet-v2": mobilenet_v2,
    "resnet-18": resnet_18,
    "resnet-50": resnet_50,
    "vgg-16": lambda: vgg_16(input_shape=(3, 32, 32), classes=10),
    "alexnet": lambda: alexnet(input_shape=(3, 67, 67), classes=10),
    "bert-base-layer": lambda: bert_base_layer(tokens=16),
}


def random_inputs(workload, batch=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, *shape[1:], generator=generator) for _, shape in workload.inputs]


@pytest.mark.parametrize("name", WORKLOADS)
def test_macs_and_parameters_equal_torchs_own_count(name):
    from torch.utils.flop_counter import FlopCounterMode

    workload = WORKLOADS[name]()
    module = build_module(workload).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*random_inputs(workload))
    assert counter.get_total_flops() == 2 * workload.macs
    assert sum(parameter.numel() for parameter in module.parameters()) == workload.parameters


@pytest.mark.parametrize("name", ["inverted-bottleneck", "plain-cnn", "bert-base-layer"])
def test_output_has_the_shape_of_the_graph_at_any_batch_size(name):
    workload = WORKLOADS[name]()
    module = build_module(workload).eval()
    with torch.no_grad():
        output = module(*random_inputs(workload, batch=3))
    assert output.shape == (3, *workload.shapes[workload.outputs[0]][1:])


def test_samples_of_a_batch_do_not_mix():
    workload = WORKLOADS["bert-base-layer"]()
    module = build_module(workload).eval()
    (batch,) = random_inputs(workload, batch=2)
    with torch.no_grad():
        torch.testing.assert_close(module(batch)[1:], module(batch[1:]), atol=1e-4, rtol=1e-4)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    workload = WORKLOADS["plain-cnn"]()
    one, same, other = (weights_of(build_module(workload, seed))["conv0.weight"] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_building_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build_module(WORKLOADS["plain-cnn"]())
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("name", ["resnet-50", "vgg-16"])
def test_a_fresh_network_neither_explodes_nor_vanishes(name):
    workload = WORKLOADS[name]() if name == "vgg-16" else resnet_50(input_shape=(3, 64, 64), classes=10)
    module = build_module(workload).train()
    spread = float(module(*random_inputs(workload, batch=4)).detach().std())
    assert 1e-3 < spread < 1e2


def test_weights_travel_to_another_module_under_the_names_of_the_workload():
    workload = WORKLOADS["inverted-bottleneck"]()
    source, target = build_module(workload, seed=1).eval(), build_module(workload, seed=2).eval()
    source.train()(*random_inputs(workload, batch=4))  # moves the statistics of batch normalisation
    source.eval()
    weights = weights_of(source)
    load_weights(target, weights)
    (image,) = random_inputs(workload)
    assert {name: array.shape for name, array in weights.items()} == weight_shapes(workload)
    with torch.no_grad():
        assert torch.equal(source(image), target(image))


def test_weights_are_a_copy():
    module = build_module(WORKLOADS["plain-cnn"]())
    weights_of(module)["fc.bias"][:] = 7.0
    assert not weights_of(module)["fc.bias"].any()


def test_incomplete_weights_are_refused_and_nothing_changes():
    module = build_module(WORKLOADS["plain-cnn"](), seed=1)
    before = weights_of(module)
    incomplete = {name: array + 1 for name, array in before.items() if name != "fc.bias"}
    with pytest.raises(WorkloadError, match=r"lack 'fc\.bias'"):
        load_weights(module, incomplete)
    assert all(np.array_equal(array, before[name]) for name, array in weights_of(module).items())


def test_a_deep_copy_is_a_network_of_its_own():
    workload = WORKLOADS["plain-cnn"]()
    module = build_module(workload).eval()
    twin = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
        (image,) = random_inputs(workload)
        assert module(image).abs().sum() > 0
        assert twin(image).abs().sum() == 0


def test_names_with_dots_that_would_collide_stay_apart():
    ops = (
        Linear("a.b", ("x",), 2),
        Linear("a_b", ("a.b",), 2),
        Linear("weight", ("a_b",), 2),
        Linear("0", ("weight",), 2),
    )
    module = build_module(Workload("dots", (("x", (1, 2)),), ops, ("0",)))
    assert set(weights_of(module)) == {
        f"{op}.{array}" for op in ("a.b", "a_b", "weight", "0") for array in ("weight", "bias")
    }


def erf(x):
    return np.array([math.erf(value) for value in x])


def softplus(x):
    return np.logaddexp(0, x)


EXPECTED = {
    Function.RELU: lambda x: np.maximum(x, 0),
    Function.RELU6: lambda x: np.clip(x, 0, 6),
    Function.SIGMOID: lambda x: 1 / (1 + np.exp(-x)),
    Function.TANH: np.tanh,
    Function.SILU: lambda x: x / (1 + np.exp(-x)),
    Function.HARD_SWISH: lambda x: x * np.clip(x + 3, 0, 6) / 6,
    Function.HARD_SIGMOID: lambda x: np.clip(x + 3, 0, 6) / 6,
    Function.GELU: lambda x: x / 2 * (1 + erf(x / np.sqrt(2))),
    Function.NOT: lambda x: x == 0,
    Function.NEGATIVE: np.negative,
    Function.ABSOLUTE: np.abs,
    Function.SIGN: np.sign,
    Function.RECIPROCAL: np.reciprocal,
    Function.SQUARE_ROOT: np.sqrt,
    Function.INVERSE_SQUARE_ROOT: lambda x: 1 / np.sqrt(x),
    Function.EXPONENTIAL: np.exp,
    Function.LOGARITHM: np.log,
    Function.ERROR_FUNCTION: erf,
    Function.SINE: np.sin,
    Function.COSINE: np.cos,
    Function.FLOOR: np.floor,
    Function.CEILING: np.ceil,
    Function.ROUND: np.round,
    Function.SOFTPLUS: softplus,
    Function.SOFTSIGN: lambda x: x / (1 + np.abs(x)),
    Function.MISH: lambda x: x * np.tanh(softplus(x)),
    Function.SELU: lambda x: 1.0507010 * np.where(x > 0, x, 1.6732632 * np.expm1(x)),
    Function.ELU: lambda x: np.where(x > 0, x, np.expm1(x)),
    Function.LEAKY_RELU: lambda x: np.where(x > 0, x, 0.01 * x),
    Function.CLIP: lambda x: np.clip(x, -1, 1),
}
EXPECTED_OF_TWO = {
    Function.ADD: np.add,
    Function.MULTIPLY: np.multiply,
    Function.SUBTRACT: np.subtract,
    Function.DIVIDE: np.divide,
    Function.POWER: np.power,
    Function.MAXIMUM: np.maximum,
    Function.MINIMUM: np.minimum,
    Function.REMAINDER: np.fmod,
    Function.PRELU: lambda x, y: np.where(x > 0, x, x * y),
    Function.EQUAL: np.equal,
    Function.LESS: np.less,
    Function.GREATER: np.greater,
    Function.LESS_OR_EQUAL: np.less_equal,
    Function.GREATER_OR_EQUAL: np.greater_equal,
    Function.AND: np.logical_and,
    Function.OR: np.logical_or,
    Function.XOR: np.logical_xor,
}


@pytest.mark.parametrize("function", [function for function in Function if function.arity == 1])
def test_each_function_is_what_its_name_says(function):
    x = np.array([[-3.0, -1.0, 0.0, 1.0, 6.5]], dtype=np.float32)
    module = build_module(Workload("f", (("x", x.shape),), (Elementwise("y", ("x",), function),), ("y",)))
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(module(torch.from_numpy(x))[0], EXPECTED[function](x[0]), atol=1e-3)


@pytest.mark.parametrize("function", [function for function in Function if function.arity == 2])
def test_each_function_of_two_is_what_its_name_says(function):
    x = np.array([[-3.0, 1.0, 0.0, 2.5, 4.0]], dtype=np.float32)
    y = np.array([[2.0, 1.0, 3.0, -0.5, 0.0]], dtype=np.float32)
    result = run((Elementwise("z", ("x", "y"), function),), "z", x=x, y=y)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(result[0], EXPECTED_OF_TWO[function](x[0], y[0]), atol=1e-5)


def test_a_choice_takes_the_first_where_the_condition_holds():
    condition, x, y = (np.array([values], dtype=np.float32) for values in ([1, 0, 1], [1, 2, 3], [4, 5, 6]))
    chosen = run((Elementwise("z", ("c", "x", "y"), Function.WHERE),), "z", c=condition, x=x, y=y)
    assert chosen.tolist() == [[1, 5, 3]]


def test_settings_reach_the_function():
    x = np.array([[-2.0, 0.5, 3.0]], dtype=np.float32)
    assert run((Elementwise("y", ("x",), Function.CLIP, (-1.0, 2.0)),), "y", x=x).tolist() == [[-1.0, 0.5, 2.0]]
    leaky = run((Elementwise("y", ("x",), Function.LEAKY_RELU, (0.5,)),), "y", x=x)
    assert leaky.tolist() == [[-1.0, 0.5, 3.0]]


def run(ops: tuple[Op, ...], output: str, **inputs: np.ndarray) -> np.ndarray:
    shapes = tuple((name, array.shape) for name, array in inputs.items())
    module = build_module(Workload("small", shapes, ops, (output,))).eval()
    with torch.no_grad():
        return module(*(torch.from_numpy(array) for array in inputs.values())).numpy()


def image(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def test_average_pooling_counts_padding_as_zeros():
    pool = Pool2d("p", ("x",), Pooling.AVERAGE, kernel=(2, 2), stride=(2, 2), padding=(1, 1))
    x = np.ones((1, 1, 2, 2), dtype=np.float32)
    np.testing.assert_allclose(run((pool,), "p", x=x)[0, 0], np.full((2, 2), 0.25))


def test_max_pooling_takes_the_largest():
    x = image(1, 2, 4, 4)
    pool = Pool2d("p", ("x",), Pooling.MAX, kernel=(2, 2), stride=(2, 2))
    np.testing.assert_allclose(run((pool,), "p", x=x), x.reshape(1, 2, 2, 2, 2, 2).max(axis=(3, 5)))


def test_global_pooling_is_the_mean_of_each_channel():
    x = image(1, 3, 5, 4)
    pooled = run((GlobalAveragePool("p", ("x",)),), "p", x=x)
    np.testing.assert_allclose(pooled, x.mean(axis=(2, 3), keepdims=True), atol=1e-6)


def test_a_product_of_activations_may_transpose_the_second():
    a, b = image(1, 2, 3, 4), image(1, 2, 5, 4)
    product = run((MatMul("m", ("a", "b"), transpose_second=True),), "m", a=a, b=b)
    np.testing.assert_allclose(product, a @ b.swapaxes(-1, -2), atol=1e-5)


def test_views_and_softmax_act_on_the_last_axis():
    x = image(1, 6, 4)
    ops = (Transpose("t", ("x",), (0, 2, 1)), Reshape("r", ("t",), (1, 8, 3)), Softmax("s", ("r",)))
    exponent = np.exp(x.transpose(0, 2, 1).reshape(1, 8, 3))
    np.testing.assert_allclose(run(ops, "s", x=x), exponent / exponent.sum(-1, keepdims=True), atol=1e-6)


def test_a_constant_is_a_parameter_only_where_it_is_trained():
    ops = (
        Constant("scale", (), (1,), value=0.5),
        Constant("place", (), (1, 3), trained=True),
        Elementwise("scaled", ("x", "scale"), Function.MULTIPLY),
        Elementwise("y", ("scaled", "place"), Function.ADD),
    )
    workload = Workload("constants", (("x", (1, 3)),), ops, ("y",))
    module = build_module(workload)
    assert sum(parameter.numel() for parameter in module.parameters()) == workload.parameters == 3
    np.testing.assert_allclose(module(torch.ones(1, 3)).detach(), np.full((1, 3), 0.5))


def test_several_outputs_come_as_a_tuple_in_order():
    ops = (
        Elementwise("up", ("x",), Function.RELU),
        Elementwise("down", ("x",), Function.TANH),
        Elementwise("sum", ("up", "down"), Function.ADD),
    )
    module = build_module(Workload("two", (("x", (1, 2)),), ops, ("sum", "up")))
    total, up = module(torch.tensor([[1.0, -1.0]]))
    assert up.tolist() == [[1.0, 0.0]]
    assert total[0, 0] > 1.0


def test_dilated_and_grouped_convolutions_have_the_shape_of_the_graph():
    conv = Conv2d("c", ("x",), 6, (3, 2), stride=(2, 1), padding=(2, 1), dilation=(2, 3), groups=3, bias=True)
    workload = Workload("conv", (("x", (1, 3, 9, 8)),), (conv,), ("c",))
    assert run((conv,), "c", x=image(1, 3, 9, 8)).shape == workload.shapes["c"]


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 4), (1, 3, 4, 5)])
def test_batch_normalisation_works_at_every_rank(shape):
    x = image(*shape)
    np.testing.assert_allclose(run((BatchNorm("n", ("x",)),), "n", x=x), x, atol=1e-4)


def test_parts_and_joins_are_those_of_numpy():
    x = image(2, 6, 5)
    ops = (
        Slice("first", ("x",), 1, 0, 2),
        Slice("others", ("x",), -2, 2, 6, 2),
        Concat("joined", ("others", "first"), 1),
        Pad("padded", ("joined",), (0, 1, 0), (0, 0, 2), value=3.0),
    )
    joined = np.concatenate([x[:, 2:6:2], x[:, :2]], 1)
    expected = np.pad(joined, [(0, 0), (1, 0), (0, 2)], constant_values=3.0)
    np.testing.assert_array_equal(run(ops, "padded", x=x), expected)


def test_repeated_and_chosen_entries_are_those_of_numpy():
    x, places = image(2, 1, 5), np.array([[4, 0], [2, 2]], dtype=np.float32)
    np.testing.assert_array_equal(run((Expand("e", ("x",), (2, 3, 5)),), "e", x=x), np.broadcast_to(x, (2, 3, 5)))
    chosen = run((Gather("g", ("x", "i"), axis=2),), "g", x=x, i=places)
    np.testing.assert_array_equal(chosen, np.take(x, places.astype(int), 2))


@pytest.mark.parametrize("border", Border)
def test_borders_of_images_are_those_of_numpy(border):
    x = image(1, 2, 4, 5)
    padded = run((Pad("p", ("x",), (0, 0, 1, 2), (0, 0, 2, 1), border),), "p", x=x)
    np.testing.assert_array_equal(padded, np.pad(x, [(0, 0), (0, 0), (1, 2), (2, 1)], mode=border.value))


def test_a_mirrored_border_of_channels_is_refused():
    pad = Pad("p", ("x",), (0, 1, 0, 0), (0, 0, 0, 0), Border.REFLECT)
    with pytest.raises(WorkloadError, match="'p': torch has no reflect border"):
        run((pad,), "p", x=image(1, 2, 4, 5))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        (Reduction.MEAN, np.mean),
        (Reduction.SUM, np.sum),
        (Reduction.MAX, np.max),
        (Reduction.MIN, np.min),
        (Reduction.PRODUCT, np.prod),
    ],
)
def test_reductions_are_those_of_numpy(reduction, expected, keep):
    x = image(2, 3, 4, 5)
    reduced = run((Reduce("r", ("x",), reduction, (1, 3), keep),), "r", x=x)
    np.testing.assert_allclose(reduced, expected(x, axis=(1, 3), keepdims=keep), atol=1e-5)


def test_rows_and_bags_are_those_of_the_table():
    tokens = np.array([[1, 3, 3]], dtype=np.float32)
    for op, reduce in (
        (Embedding("e", ("x",), 5, 4), lambda rows: rows),
        (EmbeddingBag("e", ("x",), 5, 4), lambda rows: rows.sum(1)),
        (EmbeddingBag("e", ("x",), 5, 4, Pooling.AVERAGE), lambda rows: rows.mean(1)),
        (EmbeddingBag("e", ("x",), 5, 4, Pooling.MAX), lambda rows: rows.max(1)),
    ):
        module = build_module(Workload("rows", (("x", (1, 3)),), (op,), ("e",)))
        table = weights_of(module)["e.weight"]
        with torch.no_grad():
            result = module(torch.from_numpy(tokens)).numpy()
        np.testing.assert_allclose(result, reduce(table[tokens.astype(int)]), atol=1e-6)


def test_normalisations_are_those_of_numpy():
    x = image(2, 4, 3, 5)
    last = (x - x.mean((2, 3), keepdims=True)) / np.sqrt(x.var((2, 3), keepdims=True) + 1e-5)
    plain = LayerNorm("n", ("x",), axes=2, scale=False, shift=False)
    np.testing.assert_allclose(run((plain,), "n", x=x), last, atol=1e-5)
    np.testing.assert_allclose(run((GroupNorm("n", ("x",), groups=4),), "n", x=x), last, atol=1e-5)
    root = np.sqrt((x**2).mean(3, keepdims=True) + 1e-5)
    np.testing.assert_allclose(run((RmsNorm("n", ("x",)),), "n", x=x), x / root, atol=1e-5)


def test_resizing_repeats_pixels():
    x = image(1, 2, 3, 4)
    large = run((Resize("r", ("x",), (6, 8)),), "r", x=x)
    np.testing.assert_array_equal(large, x.repeat(2, axis=2).repeat(2, axis=3))


def test_one_sided_padding_is_on_that_side():
    x = image(1, 1, 4, 4)
    conv = Conv2d("c", ("x",), 1, (3, 3), padding=(0, 2), end_padding=(2, 0))
    module = build_module(Workload("c", (("x", x.shape),), (conv,), ("c",)))
    kernel = torch.from_numpy(weights_of(module)["c.weight"])
    padded = np.pad(x, [(0, 0), (0, 0), (0, 2), (2, 0)])
    with torch.no_grad():
        expected = torch.nn.functional.conv2d(torch.from_numpy(padded), kernel)
        torch.testing.assert_close(module(torch.from_numpy(x)), expected)
    largest = run((Pool2d("p", ("x",), Pooling.MAX, (2, 2), (2, 2), end_padding=(1, 1)),), "p", x=x - 100)
    assert largest.max() < -50, "a border is never the largest"


def test_a_tied_array_is_one_parameter_of_two_layers():
    ops = (
        Embedding("table", ("tokens",), 10, 4),
        Linear("head", ("table",), 10, bias=False, tied=(("weight", "table.weight"),)),
    )
    workload = Workload("tied", (("tokens", (1, 3)),), ops, ("head",))
    module = copy.deepcopy(build_module(workload))
    assert sum(parameter.numel() for parameter in module.parameters()) == workload.parameters == 40
    load_weights(module, {"table.weight": np.ones((10, 4), np.float32)})
    assert module(torch.zeros(1, 3)).unique().tolist() == [4.0]


def test_an_op_unknown_to_torch_is_refused_by_name():
    class Strange(Op):
        def output_shape(self, shapes):
            return shapes[0]

    workload = Workload("strange", (("x", (1, 2)),), (Strange("odd", ("x",)),), ("odd",))
    with pytest.raises(WorkloadError, match="'odd': torch_build knows no Strange"):
        build_module(workload)


def test_a_missing_torch_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"coexplore\[train\]"):
        build_module(WORKLOADS["plain-cnn"]())


def test_importing_networks_and_workloads_does_not_import_torch_or_onnx():
    code = (
        "import sys, coexplore.networks.torch_build, coexplore.workloads.onnx_export, coexplore.workloads.onnx_import;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'onnx')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

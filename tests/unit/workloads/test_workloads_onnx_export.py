from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from coexplore.core.errors import MissingExtraError, StoreError, WorkloadError
from coexplore.networks.alexnet import alexnet
from coexplore.networks.bert import bert_base_layer
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.networks.plain_cnn import Head, PlainCnn
from coexplore.networks.resnet import resnet_18, resnet_50
from coexplore.networks.torch_build import build_module, load_weights, weights_of
from coexplore.networks.vgg import vgg_16
from coexplore.workloads import onnx_export
from coexplore.workloads.graph import Workload
from coexplore.workloads.onnx_export import export_onnx
from coexplore.workloads.onnx_import import read_onnx
from coexplore.workloads.op import (
    BatchNorm,
    Bits,
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
    Interpolation,
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

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
torch = pytest.importorskip("torch")
torch.set_num_threads(1)


def sampled(family, seed=0):
    (point,) = family.space.sample(np.random.default_rng(seed), 1)
    return family.lower(point)


def every_op():
    """Two images and a table of features through every op there is, with dots, odd names and several outputs."""
    ops = (
        Conv2d("stem.conv", ("image",), 8, (3, 5), stride=(2, 1), padding=(1, 2), dilation=(1, 1), groups=2, bias=True),
        BatchNorm("stem.norm", ("stem.conv",)),
        *(
            Elementwise(f"f.{function.value[0]}", ("stem.norm",), function)
            for function in Function
            if function.arity == 1
        ),
        Elementwise("sum", ("f.relu", "f.silu"), Function.ADD),
        Elementwise("product", ("sum", "f.hard-sigmoid"), Function.MULTIPLY),
        Pool2d("max", ("product",), Pooling.MAX, (3, 3), (2, 2), (1, 1)),
        Pool2d("mean", ("product",), Pooling.AVERAGE, (3, 2), (1, 2), (1, 0)),
        GlobalAveragePool("global", ("mean",)),
        Reshape("flat", ("global",), (2, -1)),
        Linear("flat.fc", ("flat",), 5, bias=False),
        Constant("scale", (), (1,), value=0.25),
        Constant("place", (), (1, 4, 6), trained=True),
        Elementwise("scaled", ("table", "scale"), Function.MULTIPLY),
        Elementwise("placed", ("scaled", "place"), Function.ADD),
        LayerNorm("layer", ("placed",)),
        Linear("key", ("layer",), 3),
        Linear("query", ("layer",), 3, bias=False),
        MatMul("scores", ("query", "key"), transpose_second=True),
        Softmax("softmax", ("scores",)),
        MatMul("context", ("softmax", "key")),
        Transpose("turned", ("context",), (0, 2, 1)),
        MatMul("explicit", ("context", "turned")),
        Reshape("merged", ("explicit",), (2, 16)),
    )
    bits = (Bits(4, 6, 8, 24), Bits())
    mixed = tuple(replace(op, bits=bits[index % 2]) for index, op in enumerate(ops))
    inputs = (("image", (2, 4, 9, 8)), ("table", (2, 4, 6)))
    return Workload("every op", inputs, mixed, ("merged", "flat.fc", "max", "f.tanh", "f.gelu", "f.relu6"))


def every_other_op():
    """What the first lacks: tables, parts, joins, borders, norms, reductions, functions of several inputs, ties."""
    ops = (
        Embedding("table", ("tokens",), 11, 6),
        RmsNorm("root", ("table",)),
        RmsNorm("root.plain", ("root",), scale=False),
        LayerNorm("no.shift", ("root.plain",), shift=False),
        LayerNorm("no.scale", ("no.shift",), axes=2, scale=False),
        LayerNorm("plain", ("no.scale",), scale=False, shift=False),
        Linear("head", ("plain",), 11, bias=False, tied=(("weight", "table.weight"),)),
        EmbeddingBag("bag", ("tokens",), 20, 5, Pooling.SUM),
        EmbeddingBag("bag.mean", ("tokens",), 20, 5, Pooling.AVERAGE),
        EmbeddingBag("bag.max", ("tokens",), 20, 5, Pooling.MAX),
        Elementwise("less", ("bag", "bag.mean"), Function.LESS),
        Elementwise("either", ("less", "bag.max"), Function.OR),
        Elementwise("chosen", ("either", "bag", "bag.max"), Function.WHERE),
        Elementwise("clipped", ("chosen",), Function.CLIP, (-0.5, 0.25)),
        Elementwise("leaky", ("clipped",), Function.LEAKY_RELU, (0.3,)),
        GroupNorm("groups", ("image",), 2),
        Pad("padded", ("groups",), (0, 0, 1, 2), (0, 0, 0, 1), Border.REFLECT),
        Conv2d("one.sided", ("padded",), 4, (3, 3), padding=(1, 0), end_padding=(0, 2)),
        Pool2d("pooled", ("one.sided",), Pooling.MAX, (3, 3), (2, 2), (1, 1), end_padding=(2, 0)),
        Resize("nearest", ("pooled",), (8, 9)),
        Resize("linear", ("nearest",), (5, 4), Interpolation.BILINEAR),
        Slice("part", ("linear",), 1, 0, 4, 2),
        Concat("joined", ("part", "linear"), 1),
        Reduce("summed", ("joined",), Reduction.SUM, (3,)),
        Reduce("largest", ("summed",), Reduction.MAX, (1,), keep_axes=True),
        Expand("wide", ("largest",), (2, 3, 5)),
        Constant("places", (), (2,)),
        Gather("taken", ("wide", "places"), 2),
        Softmax("over.rows", ("taken",), axis=1),
        Elementwise("powered", ("over.rows", "over.rows"), Function.POWER),
    )
    inputs = (("tokens", (2, 3)), ("image", (2, 4, 6, 6)))
    return Workload("every other op", inputs, ops, ("head", "leaky", "powered"))


WORKLOADS = {
    "inverted-bottleneck": lambda: sampled(InvertedBottleneck()),
    "plain-cnn": lambda: sampled(PlainCnn(strides=(1, 2))),
    "plain-cnn-average": lambda: sampled(PlainCnn(input_shape=(3, 64, 48), head=Head.AVERAGE)),
    "mobilenet-v2": lambda: mobilenet_v2(input_shape=(3, 64, 64), classes=20),
    "resnet-18": lambda: resnet_18(input_shape=(3, 64, 64), classes=20),
    "resnet-50": lambda: resnet_50(input_shape=(3, 64, 64), classes=20),
    "vgg-16": lambda: vgg_16(input_shape=(3, 32, 32), classes=20),
    "alexnet": lambda: alexnet(input_shape=(3, 67, 67), classes=20),
    "bert-base-layer": lambda: bert_base_layer(tokens=8),
    "every op": every_op,
    "every other op": every_other_op,
}


def random_input(name, shape, generator):
    if name == "tokens" and len(shape) == 2:
        return torch.randint(0, 11, shape, generator=generator).float()
    return torch.randn(shape, generator=generator)


def batch_of(workload):
    """Twelve samples for statistics; what is chosen from a batch keeps its size."""
    return 2 if any(isinstance(op, Gather) for op in workload.ops) else 12


def calibrated_module(workload):
    """A module whose batch normalisations know the statistics of its inputs, so that outputs are of order one."""
    module = build_module(workload, seed=3).train()
    for layer in module.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        module(*(random_input(name, (batch_of(workload), *shape[1:]), generator) for name, shape in workload.inputs))
    return module.eval()


def zero_weights(workload):
    return {name: np.zeros(shape, dtype=np.float32) for name, shape in weight_shapes(workload).items()}


def run_file(path, inputs):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    return session.run(None, {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)})


@pytest.mark.parametrize("name", WORKLOADS)
def test_onnxruntime_gives_the_outputs_of_the_module_and_import_restores_the_workload(name, tmp_path):
    workload, path = WORKLOADS[name](), tmp_path / "model.onnx"
    generator = torch.Generator().manual_seed(0)
    inputs = [random_input(name, shape, generator) for name, shape in workload.inputs]
    module = calibrated_module(workload)
    export_onnx(workload, weights_of(module), path)
    with torch.no_grad():
        expected = module(*inputs)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for ours, theirs in zip(expected, run_file(path, inputs), strict=True):
        np.testing.assert_allclose(theirs, ours.numpy(), atol=1e-4, rtol=0)
    assert read_onnx(path) == workload


@pytest.mark.parametrize("build", [every_op, every_other_op])
def test_the_file_passes_the_full_check_of_onnx(build, tmp_path):
    workload = build()
    export_onnx(workload, zero_weights(workload), tmp_path / "model.onnx")
    onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)


def test_trained_values_reach_the_file(tmp_path):
    workload = sampled(PlainCnn())
    module = build_module(workload).eval()
    weights = zero_weights(workload)
    weights["fc.bias"] += np.arange(10, dtype=np.float32)
    load_weights(module, weights)
    export_onnx(workload, weights, tmp_path / "model.onnx")
    (output,) = run_file(tmp_path / "model.onnx", [torch.ones(1, 1, 8, 8)])
    assert output.tolist() == [list(range(10))]


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (GroupNorm("odd", ("x",), 2, affine=False), "no group normalisation without scale"),
        (EmbeddingBag("odd", ("i", "starts"), 5, 4), "no bags of different sizes"),
        (Pool2d("odd", ("x",), Pooling.SUM, (2, 2), (2, 2)), "no pooling that adds up"),
    ],
)
def test_what_onnx_lacks_is_refused_with_advice(op, message, tmp_path):
    inputs = (("x", (1, 4, 4, 4)), ("i", (6,)), ("starts", (2,)))
    workload = Workload("odd", inputs, (op,), ("odd",))
    with pytest.raises(WorkloadError, match=f"op 'odd': ONNX has {message}"):
        export_onnx(workload, zero_weights(workload), tmp_path / "model.onnx")


def test_names_that_collide_with_stored_arrays_stay_apart(tmp_path):
    ops = (Linear("a", ("x",), 2), Linear("a.weight", ("a",), 2), Linear("a/shape", ("a.weight",), 2))
    workload = Workload("names", (("x", (1, 2)),), ops, ("a/shape",))
    export_onnx(workload, weights_of(build_module(workload)), tmp_path / "model.onnx")
    assert read_onnx(tmp_path / "model.onnx") == workload
    assert len(run_file(tmp_path / "model.onnx", [torch.ones(1, 2)])) == 1


def test_an_op_that_nothing_reads_survives(tmp_path):
    ops = (Elementwise("y", ("x",), Function.RELU), Elementwise("unread", ("x",), Function.TANH))
    workload = Workload("unread", (("x", (1, 2)),), ops, ("y",))
    export_onnx(workload, {}, tmp_path / "model.onnx")
    assert read_onnx(tmp_path / "model.onnx") == workload


def test_ops_that_look_like_one_stay_two(tmp_path):
    ops = (
        Elementwise("gate", ("x",), Function.SIGMOID),
        Elementwise("gated", ("x", "gate"), Function.MULTIPLY),
        Linear("fc", ("gated",), 4, bias=False),
        Constant("shift", (), (4,), trained=True),
        Elementwise("shifted", ("fc", "shift"), Function.ADD),
    )
    workload = Workload("pairs", (("x", (1, 3, 4)),), ops, ("shifted",))
    export_onnx(workload, zero_weights(workload), tmp_path / "model.onnx")
    assert read_onnx(tmp_path / "model.onnx") == workload


def test_weights_of_another_network_are_refused(tmp_path):
    workload = sampled(PlainCnn())
    with pytest.raises(WorkloadError, match="the weights lack"):
        export_onnx(workload, {}, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_more_weights_than_a_file_holds_are_refused(tmp_path, monkeypatch):
    workload = sampled(PlainCnn())
    monkeypatch.setattr(onnx_export, "MAX_BYTES", 4 * workload.parameters - 1)
    with pytest.raises(WorkloadError, match="bytes of weights"):
        export_onnx(workload, zero_weights(workload), tmp_path / "model.onnx")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    workload = sampled(PlainCnn())
    with pytest.raises(StoreError, match="cannot write"):
        export_onnx(workload, zero_weights(workload), tmp_path / "file" / "model.onnx")


def test_an_op_unknown_to_onnx_is_refused_by_name(tmp_path):
    class Strange(Op):
        def output_shape(self, shapes):
            return shapes[0]

    workload = Workload("strange", (("x", (1, 2)),), (Strange("odd", ("x",)),), ("odd",))
    with pytest.raises(WorkloadError, match="'odd': onnx_export knows no Strange"):
        export_onnx(workload, {}, tmp_path / "model.onnx")


def test_a_missing_onnx_is_explained(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    workload = sampled(PlainCnn())
    with pytest.raises(MissingExtraError, match=r"coexplore\[onnx\]"):
        export_onnx(workload, zero_weights(workload), tmp_path / "model.onnx")
    with pytest.raises(MissingExtraError, match=r"coexplore\[onnx\]"):
        read_onnx(tmp_path / "model.onnx")

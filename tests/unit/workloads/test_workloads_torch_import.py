from __future__ import annotations

import subprocess
import sys
import warnings
from collections import Counter

import numpy as np
import pytest

from coexplore.core.errors import MissingExtraError, WorkloadError
from coexplore.workloads.onnx_export import export_onnx
from coexplore.workloads.onnx_import import read_onnx
from coexplore.workloads.op import (
    BatchNorm,
    Constant,
    Conv2d,
    Elementwise,
    Embedding,
    EmbeddingBag,
    Function,
    GroupNorm,
    LayerNorm,
    Linear,
    MatMul,
    Pool2d,
    Reduce,
    RmsNorm,
    Softmax,
)

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402
from torch_models import MODELS  # noqa: E402

from coexplore.networks.torch_build import build_module, load_weights, weights_of  # noqa: E402
from coexplore.workloads.torch_import import from_torch  # noqa: E402

torch.set_num_threads(1)

ONLY_TORCH = {"torch block", "recommendation"}
"""The ONNX exporter without further packages refuses the first and writes loops for the bags of the second."""


def kinds(workload):
    return Counter(type(op) for op in workload.ops)


def nests(workload):
    return Counter(loops for _, loops in workload.mac_ops())


def exported(module, inputs, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, inputs, str(path), dynamo=False, opset_version=17)
    return read_onnx(path)


@pytest.mark.parametrize("name", MODELS)
def test_macs_and_parameters_are_those_that_torch_counts(name):
    module, inputs = MODELS[name]()
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            module(*inputs)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    workload = from_torch(module, inputs)
    assert 2 * workload.macs == counter.get_total_flops()
    assert workload.parameters == sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("name", sorted(MODELS.keys() - ONLY_TORCH))
def test_both_ways_in_give_the_same_loops_and_parameters(name, tmp_path):
    module, inputs = MODELS[name]()
    traced, read = from_torch(module, inputs), exported(module, inputs, tmp_path / "model.onnx")
    assert nests(traced) == nests(read)
    assert traced.parameters == read.parameters
    assert [traced.shapes[output] for output in traced.outputs] == [read.shapes[output] for output in read.outputs]


FOLDED = {"signal", "prefill", "decode", "learned positions"}
"""Of these the newer exporter folds parameters into others, or stores positions as numbers: their count differs."""


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"recommendation"}))
def test_the_newer_exporter_gives_the_same_loops(name, tmp_path):
    pytest.importorskip("onnxscript")
    module, inputs = MODELS[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, inputs, str(tmp_path / "model.onnx"), dynamo=True, verbose=False)
    traced, read = from_torch(module, inputs), read_onnx(tmp_path / "model.onnx")
    assert nests(traced) == nests(read)
    assert traced.parameters == read.parameters or name in FOLDED


@pytest.mark.parametrize("name", MODELS)
def test_what_was_read_can_be_built_written_and_read_again(name, tmp_path):
    module, inputs = MODELS[name]()
    workload = from_torch(module, inputs)
    built = build_module(workload, seed=1).eval()
    numbers = [tensor.float() for tensor in inputs]
    with torch.no_grad():
        expected = built(*numbers)
    expected = expected if isinstance(expected, tuple) else (expected,)
    export_onnx(workload, weights_of(built), tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    outputs = session.run(None, {name: tensor.numpy() for name, tensor in zip(names, numbers, strict=True)})
    for ours, theirs in zip(expected, outputs, strict=True):
        np.testing.assert_allclose(theirs, ours.numpy(), atol=1e-4, rtol=0)
    assert read_onnx(tmp_path / "model.onnx") == workload


@pytest.mark.parametrize("name", ["residual cnn", "learned positions"])
def test_the_workload_computes_what_the_module_computes(name):
    """With the module's own weights; a mask is no weight, so the one of the transformer is put in by hand."""
    module, inputs = MODELS[name]()
    workload = from_torch(module, inputs)
    built, own = build_module(workload).eval(), dict(module.state_dict())
    weights = weights_of(built)
    for array in weights:
        plain = array.replace("_2.", ".")  # of a module that is called like the input
        if plain in own:
            weights[array] = own[plain].numpy()
    for op in workload.ops:
        if isinstance(op, Constant) and len(op.shape) > 1:
            future = np.triu(np.ones(op.shape[-2:], np.float32), 1)
            known = np.arange(op.shape[-1], dtype=np.float32) if op.shape[-2] == 1 else future
            weights[f"{op.name}.value"] = np.broadcast_to(known, op.shape).copy()
    masked = {op.inputs[1] for op in workload.ops if isinstance(op, Elementwise) and op.function is Function.WHERE}
    for name in masked:
        weights[f"{name}.value"] = np.float32(-np.inf)
    load_weights(built, weights)
    with torch.no_grad():
        np.testing.assert_allclose(built(*(tensor.float() for tensor in inputs)), module(*inputs), atol=1e-4)


def test_the_language_model_is_seen_as_what_it_is():
    module, inputs = MODELS["decode"]()
    workload = from_torch(module, inputs)
    found = kinds(workload)
    assert (found[Embedding], found[RmsNorm], found[Softmax], found[MatMul]) == (1, 5, 2, 4)
    head = next(op for op in workload.ops if op.name == "head")
    assert head.tied == (("weight", "embedding.weight"),)
    rows = {(loops.G, loops.P) for op, loops in workload.mac_ops() if isinstance(op, MatMul)}
    assert rows == {(2, 2)}, "two query heads of one token share each of the two key heads"
    assert len(workload.outputs) == 1 + 4, "the logits and the caches"


def test_a_block_has_its_normalisations_and_functions_by_name(tmp_path):
    module, inputs = MODELS["block"]()
    for workload in (from_torch(module, inputs), exported(module, inputs, tmp_path / "model.onnx")):
        norms = [op for op in workload.ops if isinstance(op, LayerNorm)]
        assert [(op.scale, op.shift) for op in norms] == [(True, True), (True, False)]
        assert [op.function for op in workload.ops if isinstance(op, Elementwise)].count(Function.GELU) == 1
        assert kinds(workload)[Linear] == 4


def test_names_are_those_of_the_modules():
    module, inputs = MODELS["residual cnn"]()
    names = {op.name for op in from_torch(module, inputs).ops}
    assert {"stem", "norm", "excite.reduce", "grouped", "head"} <= names


def test_bags_of_one_size_and_of_several():
    class Bags(nn.Module):
        def __init__(self):
            super().__init__()
            self.bag = nn.EmbeddingBag(50, 4, mode="mean")

        def forward(self, entries, starts):
            return self.bag(entries, starts)

    flat = from_torch(Bags(), (torch.zeros(7, dtype=torch.long), torch.tensor([0, 3])))
    (op,) = flat.ops
    assert isinstance(op, EmbeddingBag)
    assert (op.inputs, flat.shapes[op.name]) == (("entries", "starts"), (2, 4))
    module, inputs = MODELS["recommendation"]()
    bags = [op for op in from_torch(module, inputs).ops if isinstance(op, EmbeddingBag)]
    assert [len(op.inputs) for op in bags] == [1, 1, 1]


def single(function, *inputs):
    class Call(nn.Module):
        def forward(self, *tensors):
            return function(*tensors)

    return from_torch(Call(), inputs)


CALLS = {
    "instance norm": (lambda x: functional.instance_norm(x), [GroupNorm]),
    "batch norm": (lambda x: functional.batch_norm(x, torch.zeros(4), torch.ones(4)), [BatchNorm]),
    "pooling": (lambda x: functional.max_pool2d(x, 3, 2, 1, ceil_mode=True), [Pool2d]),
    "average": (lambda x: functional.avg_pool2d(x, 4, 2, 1), [Pool2d]),
    "adaptive pooling": (lambda x: functional.adaptive_avg_pool2d(x, (3, 2)), [Pool2d]),
    "largest of channels": (lambda x: x.amax(1), [Reduce]),
    "root mean square": (lambda x: functional.rms_norm(x, (6,)), [RmsNorm]),
    "log softmax": (lambda x: x.log_softmax(1), [Softmax, Elementwise]),
    "difference": (lambda x: torch.sub(x, x, alpha=2), [Constant, Elementwise, Elementwise]),
    "not equal": (lambda x: torch.where(x != 0, x, 1.0).float(), None),
    "times one": (lambda x: torch.relu(x * 1 + 0), [Elementwise]),
}


@pytest.mark.parametrize("case", CALLS)
def test_functions_are_read_as_their_ops(case):
    function, expected = CALLS[case]
    x = torch.randn(2, 4, 6, 6)
    workload = single(function, x)
    assert expected is None or [type(op) for op in workload.ops] == expected
    with torch.no_grad():  # the epsilon of a normalisation is not taken over
        np.testing.assert_allclose(build_module(workload).eval()(x), function(x), atol=1e-3)


def test_attention_shares_key_heads_where_torch_is_told_to():
    q, k = torch.randn(1, 8, 5, 16), torch.randn(1, 2, 7, 16)
    workload = single(lambda q, k: functional.scaled_dot_product_attention(q, k, k, enable_gqa=True), q, k)
    assert {(loops.G, loops.P) for _, loops in workload.mac_ops()} == {(2, 20)}
    expected = functional.scaled_dot_product_attention(q, k, k, enable_gqa=True)
    np.testing.assert_allclose(build_module(workload)(q, k), expected, atol=1e-5)


def test_an_unsupported_op_is_named_with_its_place():
    class Inner(nn.Module):
        def forward(self, x):
            return torch.linalg.det(torch.relu(x))

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.core = Inner()

        def forward(self, x):
            return self.core(x) + 1

    with pytest.raises(WorkloadError, match=r"det.* in module 'core' \(node .*, which reads 'relu' .*supported are "):
        from_torch(Outer(), torch.randn(2, 3, 3))


def test_control_flow_on_data_is_refused_with_advice():
    with pytest.raises(WorkloadError, match=r"torch\.export cannot trace Call: .*control flow that depends on data"):
        single(lambda x: x if x.sum() > 0 else -x, torch.randn(3))


def test_a_module_that_ignores_its_input_is_refused():
    with pytest.raises(WorkloadError, match="no output of the module depends on its inputs"):
        single(lambda x: torch.ones(3), torch.randn(3))


def test_the_module_keeps_its_mode():
    module, inputs = MODELS["residual cnn"]()
    module.train()
    module.stem.eval()
    from_torch(module, inputs)
    assert module.training
    assert not module.stem.training


def test_inputs_may_come_by_name():
    module = nn.Linear(3, 4)
    workload = from_torch(module, {"input": torch.randn(2, 3)}, name="named")
    assert (workload.name, workload.inputs) == ("named", (("input", (2, 3)),))


def test_a_missing_torch_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"coexplore\[train\]"):
        from_torch(None, ())


def test_importing_the_reader_does_not_import_torch():
    code = "import sys, coexplore.workloads.torch_import; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_transposed_convolution_is_its_phases():
    """With the module's own kernel, cut into what each phase of the stride sees of it."""
    for kernel, stride, padding, extra, dilation in [
        (3, 2, 1, 1, 1),
        (4, 3, 0, 2, 1),
        (3, 2, 1, 0, 2),
        (2, 3, 0, 0, 1),
    ]:
        module = nn.ConvTranspose2d(3, 5, kernel, stride, padding, extra, dilation=dilation).eval()
        x = torch.randn(2, 3, 4, 5)
        workload = from_torch(module, x)
        built = build_module(workload).eval()
        weights, whole = weights_of(built), module.weight.detach().numpy()
        convolutions = [op for op in workload.ops if isinstance(op, Conv2d)]
        for op in convolutions:
            phase = int(op.name.rpartition("phase")[2])
            rows, columns = (
                [r for r in reversed(range(kernel)) if (r * dilation - padding - number) % stride == 0]
                for number in divmod(phase, stride)
            )
            weights[f"{op.name}.weight"] = whole[:, :, rows][:, :, :, columns].swapaxes(0, 1).copy()
        bias = next(op for op in workload.ops if isinstance(op, Constant) and op.trained)
        weights[f"{bias.name}.value"] = module.bias.detach().numpy().reshape(-1, 1, 1)
        load_weights(built, weights)
        with torch.no_grad():
            np.testing.assert_allclose(built(x), module(x), atol=1e-5)
        assert sum(op.kernel[0] * op.kernel[1] for op in convolutions) == kernel**2

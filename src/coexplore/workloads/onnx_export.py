"""How does a trained workload leave? As an ONNX file that any runtime runs, written without torch.

One node per op, named like it, a few ops take two. Every node says in its metadata which op it belongs to and with how
many bits, so that `read_onnx` restores the same workload. The batch is that of the workload.
"""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import singledispatch
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import MissingExtraError, WorkloadError
from coexplore.core.files import write_atomic
from coexplore.workloads.graph import Workload
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
    Op,
    Pool2d,
    Pooling,
    Reshape,
    Shape,
    Softmax,
    Transpose,
)
from coexplore.workloads.weights import EPSILON, Weights, check_weights

if TYPE_CHECKING:
    import onnx

OPSET = 20
"""First with Gelu."""
IR_VERSION = 10
"""First with metadata at nodes."""
MAX_BYTES = 2**31 - 2**20
"""A protobuf message ends at 2 GiB; the rest is for the graph."""

WORKLOAD_KEY = "coexplore.workload"
"""Model metadata: name of the workload."""
OP_KEY = "coexplore.op"
"""Node metadata: name of the op the node belongs to."""
BITS_KEY = "coexplore.bits"
"""Node metadata: bits of weight, input, output and accumulator."""
CONSTANT_KEY = "coexplore.constant"
"""Node metadata: value before training, and whether it is trained."""

Attributes = Mapping[str, int | float | str | Sequence[int]]


def export_onnx(workload: Workload, weights: Weights, path: Path) -> None:
    """Write a workload with its weights; `path` is either whole or left as it was.

    Args:
        workload: the graph.
        weights: arrays under the names of `weight_shapes`, stored as 32-bit floats.
        path: file to write.

    Raises:
        MissingExtraError: onnx is not installed.
        WorkloadError: the weights do not fit, ONNX has no such op, or the file would exceed 2 GiB.
        StoreError: the file cannot be written.
    """
    check_weights(workload, weights)
    size_bytes = 4 * sum(math.prod(array.shape) for array in weights.values())
    if size_bytes > MAX_BYTES:
        raise WorkloadError(
            f"workload {workload.name!r} has {size_bytes} bytes of weights; an ONNX file holds at most {MAX_BYTES}; "
            "export a smaller network"
        )
    write_atomic(path, _model(workload, weights).SerializeToString())


def import_onnx_package() -> ModuleType:
    """The `onnx` package.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise MissingExtraError("reading or writing ONNX files", "onnx") from error


def _model(workload: Workload, weights: Weights) -> onnx.ModelProto:
    onnx = import_onnx_package()
    graph = _GraphWriter(workload, weights)
    for op in workload.ops:
        _write(op, workload.input_shapes(op), graph)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            workload.name,
            [helper.make_tensor_value_info(name, kind, shape) for name, shape in workload.inputs],
            [helper.make_tensor_value_info(name, kind, workload.shapes[name]) for name in workload.outputs],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="coexplore",
    )
    model.metadata_props.add(key=WORKLOAD_KEY, value=workload.name)
    return model


class _GraphWriter:
    """Collects nodes and stored arrays under names that are not taken."""

    def __init__(self, workload: Workload, weights: Weights) -> None:
        self._onnx = import_onnx_package()
        self._weights = weights
        self._taken = set(workload.shapes)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def free_name(self, wanted: str) -> str:
        """`wanted`, lengthened until no tensor has that name."""
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted

    def weight(self, op: Op, array: str) -> npt.NDArray[np.float32]:
        """One array of an op."""
        return np.asarray(self._weights[f"{op.name}.{array}"], dtype=np.float32)

    def store(self, wanted: str, array: npt.NDArray[np.float32] | npt.NDArray[np.int64]) -> str:
        """Add an initializer; returns its name."""
        name = self.free_name(wanted)
        self.initializers.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def store_weights(self, op: Op, *arrays: str) -> list[str]:
        """Add some arrays of an op as they are."""
        return [self.store(f"{op.name}.{array}", self.weight(op, array)) for array in arrays]

    def add(self, op: Op, kind: str, inputs: Sequence[str], attributes: Attributes, output: str | None = None) -> str:
        """Add a node of type `kind`; the one without `output` carries the result of the op."""
        name = op.name if output is None else self.free_name(output)
        node = self._onnx.helper.make_node(kind, inputs, [name], name, **attributes)
        bits = op.bits
        node.metadata_props.add(key=OP_KEY, value=op.name)
        node.metadata_props.add(key=BITS_KEY, value=f"{bits.weight},{bits.input},{bits.output},{bits.accumulator}")
        self.nodes.append(node)
        return name


@singledispatch
def _write(op: Op, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    raise WorkloadError(f"op {op.name!r}: onnx_export knows no {type(op).__name__}")


@_write.register
def _(op: Conv2d, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    stored = graph.store_weights(op, "weight", *(("bias",) if op.bias else ()))
    attributes: Attributes = {
        "kernel_shape": op.kernel,
        "strides": op.stride,
        "pads": op.padding * 2,
        "dilations": op.dilation,
        "group": op.groups,
    }
    graph.add(op, "Conv", [*op.inputs, *stored], attributes)


@_write.register
def _(op: Linear, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    if len(shapes[0]) == 2:
        stored = graph.store_weights(op, "weight", *(("bias",) if op.bias else ()))
        graph.add(op, "Gemm", [*op.inputs, *stored], {"transB": 1})
        return
    weight = graph.store(f"{op.name}.weight", graph.weight(op, "weight").T)
    if not op.bias:
        graph.add(op, "MatMul", [*op.inputs, weight], {})
        return
    product = graph.add(op, "MatMul", [*op.inputs, weight], {}, output=f"{op.name}/product")
    graph.add(op, "Add", [product, *graph.store_weights(op, "bias")], {})


@_write.register
def _(op: MatMul, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    first, second = op.inputs
    if op.transpose_second:
        axes = list(range(len(shapes[1])))
        axes[-2:] = axes[-1], axes[-2]
        second = graph.add(op, "Transpose", [second], {"perm": axes}, output=f"{op.name}/transposed")
    graph.add(op, "MatMul", [first, second], {})


@_write.register
def _(op: Pool2d, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    window: Attributes = {"kernel_shape": op.kernel, "strides": op.stride, "pads": op.padding * 2}
    if op.pooling is Pooling.AVERAGE:
        graph.add(op, "AveragePool", op.inputs, {**window, "count_include_pad": 1})
    else:
        graph.add(op, "MaxPool", op.inputs, window)


@_write.register
def _(op: GlobalAveragePool, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    graph.add(op, "GlobalAveragePool", op.inputs, {})


FUNCTIONS: dict[Function, tuple[str, Attributes]] = {
    Function.ADD: ("Add", {}),
    Function.MULTIPLY: ("Mul", {}),
    Function.RELU: ("Relu", {}),
    Function.SIGMOID: ("Sigmoid", {}),
    Function.TANH: ("Tanh", {}),
    Function.GELU: ("Gelu", {}),
    Function.HARD_SWISH: ("HardSwish", {}),
    Function.HARD_SIGMOID: ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
}
"""Functions that are one node."""


@_write.register
def _(op: Elementwise, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    if op.function is Function.RELU6:
        bounds = [graph.store(f"{op.name}/{bound}", np.array(bound, dtype=np.float32)) for bound in (0, 6)]
        graph.add(op, "Clip", [*op.inputs, *bounds], {})
    elif op.function is Function.SILU:
        gate = graph.add(op, "Sigmoid", op.inputs, {}, output=f"{op.name}/gate")
        graph.add(op, "Mul", [*op.inputs, gate], {})
    else:
        kind, attributes = FUNCTIONS[op.function]
        graph.add(op, kind, op.inputs, attributes)


@_write.register
def _(op: BatchNorm, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    stored = graph.store_weights(op, "weight", "bias", "running_mean", "running_var")
    graph.add(op, "BatchNormalization", [*op.inputs, *stored], {"epsilon": EPSILON})


@_write.register
def _(op: LayerNorm, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    stored = graph.store_weights(op, "weight", "bias")
    graph.add(op, "LayerNormalization", [*op.inputs, *stored], {"epsilon": EPSILON, "axis": -1})


@_write.register
def _(op: Softmax, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    graph.add(op, "Softmax", op.inputs, {"axis": -1})


@_write.register
def _(op: Reshape, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    graph.add(op, "Reshape", [*op.inputs, graph.store(f"{op.name}/shape", np.array(op.shape, dtype=np.int64))], {})


@_write.register
def _(op: Transpose, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    graph.add(op, "Transpose", op.inputs, {"perm": op.axes})


@_write.register
def _(op: Constant, shapes: tuple[Shape, ...], graph: _GraphWriter) -> None:
    value = import_onnx_package().numpy_helper.from_array(graph.weight(op, "value"))
    graph.add(op, "Constant", [], {"value": value})
    graph.nodes[-1].metadata_props.add(key=CONSTANT_KEY, value=json.dumps([op.value, op.trained]))

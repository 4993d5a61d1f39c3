"""Which ONNX nodes does each op become? One as a rule; where it takes several, reading joins them again."""

from __future__ import annotations

import json
from functools import singledispatch

import numpy as np

from coexplore.core.errors import WorkloadError
from coexplore.workloads._onnx_format import CONSTANT_KEY, FUNCTIONS, Attributes, import_onnx_package
from coexplore.workloads._onnx_writer import GraphWriter
from coexplore.workloads.op import (
    BatchNorm,
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
    Shape,
    Slice,
    Softmax,
    Transpose,
)
from coexplore.workloads.weights import EPSILON


@singledispatch
def write(op: Op, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    """Add the nodes of an op.

    Raises:
        WorkloadError: ONNX has no such op.
    """
    raise WorkloadError(f"op {op.name!r}: onnx_export knows no {type(op).__name__}")


@write.register
def _(op: Conv2d, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    stored = graph.store_weights(op, "weight", *(("bias",) if op.bias else ()))
    attributes: Attributes = {
        "kernel_shape": op.kernel,
        "strides": op.stride,
        "pads": op.padding + (op.padding if op.end_padding is None else op.end_padding),
        "dilations": op.dilation,
        "group": op.groups,
    }
    graph.add(op, "Conv", [*op.inputs, *stored], attributes)


@write.register
def _(op: Linear, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    if len(shapes[0]) == 2:
        stored = graph.store_weights(op, "weight", *(("bias",) if op.bias else ()))
        graph.add(op, "Gemm", [*op.inputs, *stored], {"transB": 1})
        return
    weight = graph.store_transposed(op, "weight")
    if not op.bias:
        graph.add(op, "MatMul", [*op.inputs, weight], {})
        return
    product = graph.add(op, "MatMul", [*op.inputs, weight], {}, output=f"{op.name}/product")
    graph.add(op, "Add", [product, *graph.store_weights(op, "bias")], {})


@write.register
def _(op: MatMul, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    first, second = op.inputs
    if op.transpose_second:
        axes = list(range(len(shapes[1])))
        axes[-2:] = axes[-1], axes[-2]
        second = graph.add(op, "Transpose", [second], {"perm": axes}, output=f"{op.name}/transposed")
    graph.add(op, "MatMul", [first, second], {})


@write.register
def _(op: Pool2d, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    pads = [before for before, _ in op.pads] + [after for _, after in op.pads]
    window: Attributes = {"kernel_shape": op.kernel, "strides": op.stride, "pads": pads}
    if op.pooling is Pooling.SUM:
        raise WorkloadError(f"op {op.name!r}: ONNX has no pooling that adds up; average and scale instead")
    if op.pooling is Pooling.AVERAGE:
        graph.add(op, "AveragePool", op.inputs, {**window, "count_include_pad": 1})
    else:
        graph.add(op, "MaxPool", op.inputs, window)


@write.register
def _(op: GlobalAveragePool, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    graph.add(op, "GlobalAveragePool", op.inputs, {})


TRUTHS = {Function.EQUAL, Function.LESS, Function.GREATER, Function.LESS_OR_EQUAL, Function.GREATER_OR_EQUAL}
"""Functions that give true or false; all tensors between ops are numbers."""
LOGIC = {Function.AND, Function.OR, Function.XOR, Function.NOT}
"""Functions of true and false."""
SLOPED = {Function.ELU: "Elu", Function.LEAKY_RELU: "LeakyRelu"}


@write.register
def _(op: Elementwise, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    settings = op.settings or op.function.defaults
    if op.function in (Function.RELU6, Function.CLIP):
        bounds = settings or (0.0, 6.0)
        stored = [graph.store(f"{op.name}/bound", np.array(bound, dtype=np.float32)) for bound in bounds]
        graph.add(op, "Clip", [*op.inputs, *stored], {})
    elif op.function is Function.SILU:
        gate = graph.add(op, "Sigmoid", op.inputs, {}, output=f"{op.name}/gate")
        graph.add(op, "Mul", [*op.inputs, gate], {})
    elif op.function is Function.INVERSE_SQUARE_ROOT:
        root = graph.add(op, "Sqrt", op.inputs, {}, output=f"{op.name}/root")
        graph.add(op, "Reciprocal", [root], {})
    elif op.function in SLOPED:
        graph.add(op, SLOPED[op.function], op.inputs, {"alpha": settings[0]})
    else:
        _write_function(op, graph)


def _write_function(op: Elementwise, graph: GraphWriter) -> None:
    kind, attributes = FUNCTIONS[op.function]
    truths = {Function.WHERE: 1}.get(op.function, len(op.inputs) if op.function in LOGIC else 0)
    inputs = [
        graph.cast(op, source, "BOOL", f"{op.name}/truth") if index < truths else source
        for index, source in enumerate(op.inputs)
    ]
    if op.function in TRUTHS | LOGIC:
        graph.cast(op, graph.add(op, kind, inputs, attributes, output=f"{op.name}/answer"), "FLOAT")
    else:
        graph.add(op, kind, inputs, attributes)


@write.register
def _(op: BatchNorm, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    stored = graph.store_weights(op, "weight", "bias", "running_mean", "running_var")
    graph.add(op, "BatchNormalization", [*op.inputs, *stored], {"epsilon": EPSILON})


@write.register
def _(op: LayerNorm, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    if op.scale:
        stored = graph.store_weights(op, "weight", *(("bias",) if op.shift else ()))
        graph.add(op, "LayerNormalization", [*op.inputs, *stored], {"epsilon": EPSILON, "axis": -op.axes})
        return
    axes = graph.store(f"{op.name}/axes", np.arange(-op.axes, 0, dtype=np.int64))
    mean = graph.add(op, "ReduceMean", [*op.inputs, axes], {}, output=f"{op.name}/mean")
    centred = graph.add(op, "Sub", [*op.inputs, mean], {}, output=f"{op.name}/centred")
    root = _root_mean_square(op, centred, axes, graph)
    if op.shift:
        ratio = graph.add(op, "Div", [centred, root], {}, output=f"{op.name}/ratio")
        graph.add(op, "Add", [ratio, *graph.store_weights(op, "bias")], {})
    else:
        graph.add(op, "Div", [centred, root], {})


@write.register
def _(op: RmsNorm, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    axes = graph.store(f"{op.name}/axes", np.arange(-op.axes, 0, dtype=np.int64))
    root = _root_mean_square(op, op.inputs[0], axes, graph)
    if op.scale:
        ratio = graph.add(op, "Div", [*op.inputs, root], {}, output=f"{op.name}/ratio")
        graph.add(op, "Mul", [ratio, *graph.store_weights(op, "weight")], {})
    else:
        graph.add(op, "Div", [*op.inputs, root], {})


def _root_mean_square(op: Op, source: str, axes: str, graph: GraphWriter) -> str:
    squares = graph.add(op, "Mul", [source, source], {}, output=f"{op.name}/squares")
    mean = graph.add(op, "ReduceMean", [squares, axes], {}, output=f"{op.name}/mean square")
    epsilon = graph.store(f"{op.name}/epsilon", np.array(EPSILON, dtype=np.float32))
    shifted = graph.add(op, "Add", [mean, epsilon], {}, output=f"{op.name}/shifted")
    return graph.add(op, "Sqrt", [shifted], {}, output=f"{op.name}/root")


@write.register
def _(op: GroupNorm, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    if not op.affine:
        raise WorkloadError(f"op {op.name!r}: ONNX has no group normalisation without scale and shift; give it some")
    stored = graph.store_weights(op, "weight", "bias")
    graph.add(op, "GroupNormalization", [*op.inputs, *stored], {"epsilon": EPSILON, "num_groups": op.groups})


@write.register
def _(op: Softmax, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    graph.add(op, "Softmax", op.inputs, {"axis": op.axis})


@write.register
def _(op: Reshape, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    graph.add(op, "Reshape", [*op.inputs, graph.store(f"{op.name}/shape", np.array(op.shape, dtype=np.int64))], {})


@write.register
def _(op: Transpose, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    graph.add(op, "Transpose", op.inputs, {"perm": op.axes})


@write.register
def _(op: Expand, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    graph.add(op, "Expand", [*op.inputs, graph.store(f"{op.name}/shape", np.array(op.shape, dtype=np.int64))], {})


@write.register
def _(op: Slice, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    span = {"start": op.start, "stop": op.stop, "axis": op.axis, "step": op.step}
    stored = [graph.store(f"{op.name}/{name}", np.array([value], dtype=np.int64)) for name, value in span.items()]
    graph.add(op, "Slice", [*op.inputs, *stored], {})


@write.register
def _(op: Concat, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    graph.add(op, "Concat", op.inputs, {"axis": op.axis})


@write.register
def _(op: Pad, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    pads = graph.store(f"{op.name}/pads", np.array([*op.before, *op.after], dtype=np.int64))
    value = graph.store(f"{op.name}/value", np.array(op.value, dtype=np.float32))
    graph.add(op, "Pad", [*op.inputs, pads, value], {"mode": op.border.value})


@write.register
def _(op: Gather, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    indices = graph.cast(op, op.inputs[1], "INT64", f"{op.name}/indices")
    graph.add(op, "Gather", [op.inputs[0], indices], {"axis": op.axis})


@write.register
def _(op: Embedding, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    indices = graph.cast(op, op.inputs[0], "INT64", f"{op.name}/indices")
    graph.add(op, "Gather", [*graph.store_weights(op, "weight"), indices], {"axis": 0})


BAGS = {Pooling.SUM: "ReduceSum", Pooling.AVERAGE: "ReduceMean", Pooling.MAX: "ReduceMax"}
"""How the rows of a bag are reduced."""


@write.register
def _(op: EmbeddingBag, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    if len(shapes) > 1:
        raise WorkloadError(f"op {op.name!r}: ONNX has no bags of different sizes; give indices (bags, entries)")
    indices = graph.cast(op, op.inputs[0], "INT64", f"{op.name}/indices")
    rows = [*graph.store_weights(op, "weight"), indices]
    found = graph.add(op, "Gather", rows, {"axis": 0}, output=f"{op.name}/rows")
    axis = graph.store(f"{op.name}/axis", np.array([1], dtype=np.int64))
    graph.add(op, BAGS[op.pooling], [found, axis], {"keepdims": 0})


@write.register
def _(op: Reduce, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    axes = graph.store(f"{op.name}/axes", np.array(op.axes, dtype=np.int64))
    graph.add(op, REDUCTIONS[op.reduction], [*op.inputs, axes], {"keepdims": int(op.keep_axes)})


REDUCTIONS = {
    Reduction.MEAN: "ReduceMean",
    Reduction.SUM: "ReduceSum",
    Reduction.MAX: "ReduceMax",
    Reduction.MIN: "ReduceMin",
    Reduction.PRODUCT: "ReduceProd",
}
"""How whole axes are reduced."""
MODES = {Interpolation.NEAREST: "nearest", Interpolation.BILINEAR: "linear", Interpolation.BICUBIC: "cubic"}
"""How an image is resized."""


@write.register
def _(op: Resize, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    size = graph.store(f"{op.name}/size", np.array([*shapes[0][:2], *op.size], dtype=np.int64))
    mode = MODES[op.interpolation]
    place = "asymmetric" if op.interpolation is Interpolation.NEAREST else "half_pixel"
    attributes: Attributes = {"mode": mode, "coordinate_transformation_mode": place, "nearest_mode": "floor"}
    graph.add(op, "Resize", [*op.inputs, "", "", size], {**attributes, "cubic_coeff_a": -0.75})


@write.register
def _(op: Constant, shapes: tuple[Shape, ...], graph: GraphWriter) -> None:
    value = import_onnx_package().numpy_helper.from_array(graph.weight(op, "value"))
    graph.add(op, "Constant", [], {"value": value})
    graph.nodes[-1].metadata_props.add(key=CONSTANT_KEY, value=json.dumps([op.value, op.trained]))

"""Small ONNX models as exporters write them, to be damaged: what is written out there, and what we write ourselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coexplore.networks.bert import bert_base_layer
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.workloads._onnx_format import import_onnx_package
from coexplore.workloads.onnx_export import export_onnx
from coexplore.workloads.weights import weight_shapes

if TYPE_CHECKING:
    import onnx


def own_model(folder: Path) -> bytes:
    """A small CNN as we export it."""
    family = PlainCnn(layers=(2,), filters=(4,))
    workload = family.lower(next(family.space.enumerate()))
    weights = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(workload).items()}
    export_onnx(workload, weights, folder / "own.onnx")
    return (folder / "own.onnx").read_bytes()


def image_model() -> onnx.ModelProto:
    """Convolutions of all kinds, squeeze-excite, a split, a join, resizing, borders and pooling."""
    nodes = [
        _node("Pad", ["x", "pads"], "padded"),
        _node("Conv", ["padded", "w1", "b1"], "c1", kernel_shape=[3, 3], strides=[2, 2]),
        _node("BatchNormalization", ["c1", "one", "zero", "zero", "one"], "n1"),
        _node("Clip", ["n1", "low", "high"], "a1"),
        _node("Conv", ["a1", "w2"], "c2", group=8, pads=[1, 1, 1, 1]),
        _node("GlobalAveragePool", ["c2"], "g"),
        _node("Conv", ["g", "w3"], "c3"),
        _node("Sigmoid", ["c3"], "s"),
        _node("Mul", ["c2", "s"], "se"),
        _node("Add", ["se", "a1"], "r"),
        _node("Split", ["r", "parts"], ["left", "right"], axis=1),
        _node("Concat", ["right", "left"], "joined", axis=1),
        _node("ConvTranspose", ["joined", "w4"], "up", strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]),
        _node("Resize", ["up", "", "scales"], "resized", mode="nearest"),
        _node("MaxPool", ["resized"], "pooled", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        _node("ReduceMean", ["pooled", "axes"], "mean", keepdims=0),
        _node("Gemm", ["mean", "w5", "b5"], "y", transB=1),
    ]
    stored = [
        *(_integers("pads", 0, 0, 1, 1, 0, 0, 1, 1), _integers("parts", 4, 4), _integers("axes", 2, 3)),
        *(_floats("w1", 8, 3, 3, 3), _floats("b1", 8), _floats("w2", 8, 1, 3, 3), _floats("w3", 8, 8, 1, 1)),
        *(_floats("w4", 8, 6, 3, 3), _floats("w5", 5, 6), _floats("b5", 5), _floats("one", 8), _floats("zero", 8)),
        *(_floats("low"), _floats("high", value=6.0)),
        import_onnx_package().numpy_helper.from_array(np.array([1, 1, 1.5, 1.5], np.float32), "scales"),
    ]
    return _model(nodes, stored, "x", (1, 3, 16, 16), 1)


def language_model() -> onnx.ModelProto:
    """Token rows, learned positions, a mask computed from shapes, spelled-out normalisation and GELU, shared heads."""
    nodes = [
        _node("Gather", ["table", "tokens"], "rows"),
        _node("Shape", ["tokens"], "sizes"),
        _node("Gather", ["sizes", "first"], "count"),
        _node("Range", ["nought", "count", "unit"], "places"),
        _node("Gather", ["positions", "places"], "placed"),
        _node("Add", ["rows", "placed"], "x"),
        _node("ReduceMean", ["x"], "m", axes=[-1]),
        _node("Sub", ["x", "m"], "d"),
        _node("Pow", ["d", "two"], "q"),
        _node("ReduceMean", ["q"], "v", axes=[-1]),
        _node("Add", ["v", "small"], "ve"),
        _node("Sqrt", ["ve"], "sd"),
        _node("Div", ["d", "sd"], "n"),
        _node("Mul", ["n", "scale"], "ns"),
        _node("MatMul", ["ns", "wq"], "q0"),
        _node("MatMul", ["ns", "wk"], "k0"),
        _node("Reshape", ["q0", "split"], "q1"),
        _node("Transpose", ["q1"], "q2", perm=[0, 2, 1, 3]),
        _node("Reshape", ["k0", "one head"], "k1"),
        _node("Transpose", ["k1"], "k2", perm=[0, 2, 1, 3]),
        _node("Unsqueeze", ["k2", "after"], "k3"),
        _node("Expand", ["k3", "wide"], "k4"),
        _node("Reshape", ["k4", "heads"], "k5"),
        _node("Transpose", ["k5"], "k6", perm=[0, 1, 3, 2]),
        _node("MatMul", ["q2", "k6"], "scores"),
        _node("Unsqueeze", ["count", "front"], "side"),
        _node("Concat", ["side", "side"], "square", axis=0),
        _node("ConstantOfShape", ["square"], "blank"),
        _node("Add", ["scores", "blank"], "masked"),
        _node("Softmax", ["masked"], "weights", axis=-1),
        _node("MatMul", ["weights", "k5"], "context"),
        _node("Transpose", ["context"], "turned", perm=[0, 2, 1, 3]),
        _node("Reshape", ["turned", "merged"], "flat"),
        _node("Slice", ["flat", "from", "to", "along"], "last"),
        _node("Div", ["last", "root"], "e0"),
        _node("Erf", ["e0"], "e1"),
        _node("Add", ["e1", "half"], "e2"),
        _node("Mul", ["last", "e2"], "e3"),
        _node("Mul", ["e3", "part"], "e4"),
        _node("MatMul", ["e4", "head"], "y"),
    ]
    stored = [
        *(_floats("table", 20, 8), _floats("positions", 16, 8), _floats("scale", 8), _floats("wq", 8, 8)),
        *(_floats("wk", 8, 4), _floats("head", 8, 20), _floats("two", value=2.0), _floats("small", value=1e-5)),
        *(
            _floats("root", value=1.4142135),
            _floats("half", value=1.0),
            _floats("part"),
            _integer("first", 1),
            _integer("nought", 0),
        ),
        *(
            _integer("unit", 1),
            _integers("split", 1, 6, 2, 4),
            _integers("one head", 1, 6, 1, 4),
            _integers("after", 2),
        ),
        *(_integers("wide", 1, 1, 2, 6, 4), _integers("heads", 1, 2, 6, 4), _integers("front", 0)),
        *(_integers("merged", 0, 0, -1), _integers("from", -1), _integers("to", 2**62), _integers("along", 1)),
    ]
    return _model(nodes, stored, "tokens", (1, 6), 7, opset=17)


def block_model(folder: Path) -> bytes:
    """An encoder layer on few tokens as we export it, its weights cut out."""
    workload = bert_base_layer(tokens=4)
    onnx = import_onnx_package()
    weights = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(workload).items()}
    export_onnx(workload, weights, folder / "block.onnx")
    model = onnx.load(folder / "block.onnx")
    for array in model.graph.initializer:
        if len(array.raw_data) > 1000:
            array.ClearField("raw_data")
            array.data_location = onnx.TensorProto.EXTERNAL
            array.external_data.add(key="location", value="absent.bin")
    return bytes(model.SerializeToString())


def _node(kind: str, inputs: list[str], outputs: str | list[str], **attributes: object) -> onnx.NodeProto:
    names = [outputs] if isinstance(outputs, str) else outputs
    node: onnx.NodeProto = import_onnx_package().helper.make_node(
        kind, inputs, names, name=f"/{kind}_{names[0]}", **attributes
    )
    return node


def _floats(name: str, *shape: int, value: float = 0.5) -> onnx.TensorProto:
    array: onnx.TensorProto = import_onnx_package().numpy_helper.from_array(np.full(shape, value, np.float32), name)
    return array


def _integers(name: str, *values: int) -> onnx.TensorProto:
    array: onnx.TensorProto = import_onnx_package().numpy_helper.from_array(np.array(values, np.int64), name)
    return array


def _integer(name: str, value: int) -> onnx.TensorProto:
    array: onnx.TensorProto = import_onnx_package().numpy_helper.from_array(np.array(value, np.int64), name)
    return array


def _model(
    nodes: list[onnx.NodeProto],
    stored: list[onnx.TensorProto],
    name: str,
    shape: tuple[int, ...],
    kind: int,
    opset: int = 20,
) -> onnx.ModelProto:
    helper = import_onnx_package().helper
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, shape)],
        [helper.make_tensor_value_info("y", 1, None)],
        stored,
    )
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return model

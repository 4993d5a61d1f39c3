"""How does a model from elsewhere become a workload? Safely, from its ONNX file, without its weights.

The file may be hostile or broken: its size is limited, it is parsed and checked by the `onnx` package, external data is
never opened, and everything that cannot be represented is refused with the op and the reason. Only shapes of weights
are read. Nodes that do not depend on the input (folded weights, arithmetic on shapes) are not part of the workload.

Shapes must be known. A first axis that is unknown or symbolic is taken as the batch and set to `batch`; any other
unknown axis is an error. Dropout and Identity are dropped; a bias that is added after a product joins it.

Departures:
    Asymmetric and rounded-up windows become the smallest symmetric padding that gives the same output, with a warning:
    loops, traffic and cost are the same, values at the border of the image are not.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import numpy as np

from coexplore.core.errors import StoreError, WorkloadError
from coexplore.core.files import read_limited
from coexplore.workloads._onnx_nodes import HANDLERS, SHAPE_ONLY, read_node, supported_types
from coexplore.workloads._onnx_reader import GraphReader, node_metadata
from coexplore.workloads.graph import Workload
from coexplore.workloads.onnx_export import OP_KEY, WORKLOAD_KEY, import_onnx_package
from coexplore.workloads.op import Shape

if TYPE_CHECKING:
    import onnx

LIMIT_BYTES = 2 * 1024**3
"""A protobuf message cannot be larger."""
KEPT_ELEMENTS = 64
"""Arrays up to this size stay for the shape inference, which reads shapes and axes from them."""


def read_onnx(path: Path, *, batch: int = 1, limit_bytes: int = LIMIT_BYTES) -> Workload:
    """The workload of a model file.

    Args:
        path: an ONNX file.
        batch: size of a first axis that the file leaves open.
        limit_bytes: larger files are refused unread.

    Raises:
        MissingExtraError: onnx is not installed.
        WorkloadError: the file is absent, too large, not ONNX, or holds something a workload cannot represent; the
            message names the node or input and says what to do.
    """
    model = _parse(path, limit_bytes)
    graph = model.graph
    _refuse_escaping_data(model, path)
    inputs = _fix_inputs(graph, batch, path)
    needed, fixed = _needed_nodes(graph)
    _refuse_unsupported(graph, needed, path)
    arrays = dict(_stored_tensors(graph))
    inferred = _infer_shapes(model, path)
    reader = GraphReader(graph, inputs, arrays, fixed, inferred)
    for position in needed:
        read_node(reader, position)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return Workload(metadata.get(WORKLOAD_KEY) or path.stem, inputs, tuple(reader.ops.values()), reader.outputs())


def _parse(path: Path, limit_bytes: int) -> onnx.ModelProto:
    onnx = import_onnx_package()
    try:
        content = read_limited(path, limit_bytes, "ONNX model")
    except StoreError as error:
        raise WorkloadError(str(error)) from error
    try:
        model = onnx.ModelProto.FromString(content)
    except importlib.import_module("google.protobuf.message").DecodeError as error:
        raise WorkloadError(f"{path} is not a complete ONNX model ({error}); export or download it again") from error
    if not model.graph.node:
        raise WorkloadError(f"{path} holds no ONNX graph; export or download it again")
    if not all(isinstance(text, str) for text in _texts(model)):
        raise WorkloadError(f"{path} holds a name that is no text; the file is damaged, export or download it again")
    return model


def _texts(model: onnx.ModelProto) -> Iterator[object]:
    """All names; protobuf gives bytes for those that are not UTF-8."""
    graph = model.graph
    named = (*graph.node, *graph.input, *graph.output, *graph.initializer)
    yield from (graph.name, *(item.name for item in named), *(entry.value for entry in model.metadata_props))
    for node in graph.node:
        yield from (node.op_type, node.domain, *node.input, *node.output)
        yield from (text for entry in node.metadata_props for text in (entry.key, entry.value))
        yield from (attribute.name for attribute in node.attribute)


def _refuse_escaping_data(model: onnx.ModelProto, path: Path) -> None:
    for tensor in _tensors(model.graph):
        for entry in tensor.external_data:
            if entry.key == "location" and _escapes(entry.value):
                raise WorkloadError(
                    f"{path}: the weight {tensor.name!r} points to {entry.value!r}, outside the folder of the model; "
                    "such a file is not safe to use, save the model again with its data beside it"
                )


def _escapes(location: str) -> bool:
    return any(bool(name.anchor) or ".." in name.parts for name in (PurePosixPath(location), PureWindowsPath(location)))


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _tensors(inner)


def _stored_tensors(graph: onnx.GraphProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    """Every stored array with the name of the tensor it fills."""
    onnx = import_onnx_package()
    for array in graph.initializer:
        yield array.name, array
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield node.output[0], attribute.t
                elif attribute.name in ("value_int", "value_ints", "value_float", "value_floats"):
                    value = np.asarray(onnx.helper.get_attribute_value(attribute))
                    yield node.output[0], onnx.numpy_helper.from_array(value)


def _fix_inputs(graph: onnx.GraphProto, batch: int, path: Path) -> tuple[tuple[str, Shape], ...]:
    """Set the batch in the model itself, and return the inputs that are data."""
    stored = {array.name for array in graph.initializer}
    inputs: list[tuple[str, Shape]] = []
    for entry in graph.input:
        if entry.name in stored:
            continue
        shape = entry.type.tensor_type.shape
        for axis, size in enumerate(shape.dim):
            if size.dim_value > 0:
                continue
            if axis > 0:
                name = size.dim_param or "unknown"
                raise WorkloadError(
                    f"{path}: input {entry.name!r} has a dynamic shape, axis {axis} is {name!r}; export the model with "
                    "fixed sizes, only the first axis (the batch) may stay open"
                )
            size.dim_value = batch
        if not shape.dim:
            raise WorkloadError(f"{path}: input {entry.name!r} has no shape; export the model with fixed sizes")
        inputs.append((entry.name, tuple(int(size.dim_value) for size in shape.dim)))
    if not inputs:
        raise WorkloadError(f"{path}: the model has no input")
    return tuple(inputs)


def _needed_nodes(graph: onnx.GraphProto) -> tuple[list[int], set[str]]:
    """Positions of the nodes that carry data from an input to an output, and the tensors that do not depend on data.

    Nodes that we wrote ourselves are all needed, whatever they read.
    """
    fixed = {array.name for array in graph.initializer}
    own = {position for position, node in enumerate(graph.node) if node_metadata(node, OP_KEY)}
    for position, node in enumerate(graph.node):
        if position not in own and (
            node.op_type in ("Constant", "Shape") or fixed.issuperset(filter(None, node.input))
        ):
            fixed.update(node.output)
    wanted = {output.name for output in graph.output}
    needed: list[int] = []
    for position in reversed(range(len(graph.node))):
        node = graph.node[position]
        if position in own or (wanted.intersection(node.output) and not fixed.issuperset(node.output)):
            needed.append(position)
            wanted.update(_data_inputs(node))
    return needed[::-1], fixed


def _data_inputs(node: onnx.NodeProto) -> Iterable[str]:
    inputs: list[str] = list(node.input)
    return inputs[:1] if node.op_type in SHAPE_ONLY else inputs


def _refuse_unsupported(graph: onnx.GraphProto, needed: list[int], path: Path) -> None:
    for position in needed:
        node = graph.node[position]
        if node.domain not in ("", "ai.onnx") or node.op_type not in HANDLERS:
            kind = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            raise WorkloadError(
                f"{path}: node {position} ({node.name or 'unnamed'!r}) is a {kind}, which is not supported; "
                f"supported are {supported_types()}"
            )


def _infer_shapes(model: onnx.ModelProto, path: Path) -> dict[str, Shape]:
    """Shapes of all tensors that are fully known, after turning large arrays into inputs without content."""
    onnx = import_onnx_package()
    graph = model.graph
    small = [array for array in graph.initializer if _elements(array) <= KEPT_ELEMENTS and not array.external_data]
    known = {entry.name for entry in graph.input}
    kept = {array.name for array in small}
    for array in graph.initializer:
        if array.name not in kept and array.name not in known:
            graph.input.append(onnx.helper.make_tensor_value_info(array.name, array.data_type, array.dims))
    del graph.initializer[:]
    graph.initializer.extend(small)
    del graph.value_info[:]
    try:
        for output in graph.output:
            output.type.tensor_type.shape.SetInParent()  # the checker wants one, whatever it says
        onnx.checker.check_model(model)
        for output in graph.output:
            output.type.tensor_type.ClearField("shape")
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError, RuntimeError) as error:
        raise WorkloadError(f"{path} is not a legal ONNX model: {error}") from error
    entries = (*inferred.value_info, *inferred.output, *inferred.input)
    types = {entry.name: entry.type.tensor_type for entry in entries}
    shapes = {
        name: tuple(size.dim_value for size in kind.shape.dim) for name, kind in types.items() if kind.HasField("shape")
    }
    return {name: shape for name, shape in shapes.items() if all(size > 0 for size in shape)}


def _elements(array: onnx.TensorProto) -> int:
    count = 1
    for size in array.dims:
        count *= size
    return count

"""How does a model from elsewhere become a workload? Safely, from its ONNX file, without its weights.

The file may be hostile or broken: its size is limited, it is parsed and checked by the `onnx` package, external data is
read only from the folder of the file and only to recognise masks and tied weights, and everything that cannot be
represented is refused with the op and the reason. Of weights only shapes count. What does not depend on the input
(folded weights, masks, positions, arithmetic on shapes) is computed in advance as far as it is small, and never part of
the workload but as a `Constant` that an op reads.

Shapes must be known. A first axis that is unknown or symbolic is taken as the batch and set to `batch`; any other
symbolic axis needs an entry in `sizes`. Dropout, Identity and Cast are dropped, and what exporters take apart is joined
(`_rewrite.py`). Number formats of the file are not taken over: bits are those of our own files, else 8.

A stored array that a node computes with element by element counts as trained if it consists of more than one number
with a point, none of which switches something off as the entries of a mask do.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import numpy as np

from coexplore.core.errors import StoreError, WorkloadError
from coexplore.core.files import read_limited
from coexplore.workloads._onnx_format import OP_KEY, WORKLOAD_KEY, import_onnx_package
from coexplore.workloads._onnx_nodes import HANDLERS, read_node, reads_shape_only, supported_types
from coexplore.workloads._onnx_reader import Facts, GraphReader, node_metadata
from coexplore.workloads._rewrite import joined
from coexplore.workloads.graph import MAX_OPS, Workload
from coexplore.workloads.op import MAX_SIZE, Shape

if TYPE_CHECKING:
    import onnx

LIMIT_BYTES = 2 * 1024**3
"""A protobuf message cannot be larger."""
KEPT_ELEMENTS = 64
"""Arrays up to this size stay where they are for the check."""
MAX_ELEMENTS = 2**40
"""Of one stored array; a weight of a terabyte is damage."""
MESSAGE_LENGTH = 400
"""Of what the check says, which may quote the whole file."""


def read_onnx(
    path: Path | str, *, batch: int = 1, sizes: Mapping[str, int] | None = None, limit_bytes: int = LIMIT_BYTES
) -> Workload:
    """The workload of a model file.

    Args:
        path: an ONNX file.
        batch: size of a first axis that the file leaves open and `sizes` does not give.
        sizes: of symbolic axes, by their name in the file (`{"sequence": 128}`), or `<input>.<axis>` without one.
        limit_bytes: larger files are refused unread.

    Raises:
        MissingExtraError: onnx is not installed.
        WorkloadError: the file is absent, too large, not ONNX, or holds something a workload cannot represent; the
            message names the node or input and says what to do.
    """
    path = Path(path)
    model = _parse(path, limit_bytes)
    graph = model.graph
    _refuse_escaping_data(model, path)
    inputs = _fix_inputs(graph, batch, dict(sizes or {}), path)
    arrays = dict(_stored_tensors(graph))
    filled = arrays.keys() - {array.name for array in graph.initializer}
    needed, fixed, wanted = _needed_nodes(graph, arrays)
    _refuse_unsupported(graph, needed, fixed, path)
    _check(model, path)
    version = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
    reader = GraphReader(graph, inputs, Facts(arrays, filled, fixed, wanted, path.parent, version))
    for position in needed:
        _read(reader, position, fixed)
    ops, outputs = joined(reader.builder, reader.outputs())
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return Workload(metadata.get(WORKLOAD_KEY) or path.stem, inputs, ops, outputs)


def _read(reader: GraphReader, position: int, fixed: set[str]) -> None:
    node = reader.move_to(position)
    if fixed.issuperset(filter(None, node.output)):
        reader.fold(node)
    else:
        read_node(reader, position)
    if len(reader.builder.ops) > MAX_OPS:
        raise reader.error(node, f"the model has more than {MAX_OPS} ops; read a part of it")


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


def _fix_inputs(graph: onnx.GraphProto, batch: int, sizes: dict[str, int], path: Path) -> tuple[tuple[str, Shape], ...]:
    """Set the open sizes in the model itself, and return the inputs that are data."""
    for name, value in sizes.items():
        if not isinstance(value, int) or not 1 <= value <= MAX_SIZE:
            raise WorkloadError(f"sizes[{name!r}] is {value!r}; give a whole number from 1 to {MAX_SIZE}")
    stored, unused = {array.name for array in graph.initializer}, dict(sizes)
    inputs: list[tuple[str, Shape]] = []
    for entry in graph.input:
        if entry.name in stored:
            continue
        if not entry.type.tensor_type.HasField("shape"):
            raise WorkloadError(f"{path}: input {entry.name!r} has no shape; export the model with fixed sizes")
        shape = entry.type.tensor_type.shape
        for axis, size in enumerate(shape.dim):
            if size.dim_value > 0:
                continue
            key = size.dim_param or f"{entry.name}.{axis}"
            unused.pop(key, None)
            if key not in sizes and axis > 0:
                raise WorkloadError(
                    f"{path}: input {entry.name!r} has a dynamic shape, axis {axis} is {size.dim_param or 'unknown'!r};"
                    f" give it a size, such as read_onnx(path, sizes={{{key!r}: 128}}), or export the model with fixed "
                    "sizes; only the first axis (the batch) may stay open"
                )
            size.dim_value = sizes.get(key, batch)
        inputs.append((entry.name, tuple(int(size.dim_value) for size in shape.dim)))
    if not inputs:
        raise WorkloadError(f"{path}: the model has no input")
    if unused:
        raise WorkloadError(f"sizes names {sorted(unused)}, which no open axis of {path} is called; leave them out")
    return tuple(inputs)


def _needed_nodes(graph: onnx.GraphProto, arrays: Mapping[str, object]) -> tuple[list[int], set[str], set[str]]:
    """Positions of the nodes that lead to an output, the tensors that do not depend on data, and those that are needed.

    Nodes that we wrote ourselves are all needed, whatever they read. Rows of a stored table are data even where it is
    known which: the table is what is trained.
    """
    fixed = set(arrays)
    own = {position for position, node in enumerate(graph.node) if node_metadata(node, OP_KEY)}
    fixed -= {output for position in own for output in graph.node[position].output}
    for position, node in enumerate(graph.node):
        if position in own or _looks_up(node, arrays) or _has_graph(node):
            continue
        if node.op_type in ("Constant", "Shape", "Size") or fixed.issuperset(filter(None, node.input)):
            fixed.update(filter(None, node.output))
    wanted = {output.name for output in graph.output}
    needed: list[int] = []
    for position in reversed(range(len(graph.node))):
        node = graph.node[position]
        if position in own or wanted.intersection(node.output):
            needed.append(position)
            wanted.update(_data_inputs(node, fixed))
    return needed[::-1], fixed, wanted


def _has_graph(node: onnx.NodeProto) -> bool:
    """Whether a node holds a graph of its own, which may read anything around it."""
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)


def _looks_up(node: onnx.NodeProto, arrays: Mapping[str, object]) -> bool:
    """Whether a node reads rows of a stored matrix."""
    if node.op_type != "Gather" or not node.input or node.input[0] not in arrays:
        return False
    table = arrays[node.input[0]]
    kinds = import_onnx_package().TensorProto
    floats = (kinds.FLOAT, kinds.FLOAT16, kinds.BFLOAT16, kinds.DOUBLE)
    return len(getattr(table, "dims", ())) == 2 and getattr(table, "data_type", None) in floats


def _data_inputs(node: onnx.NodeProto, fixed: set[str]) -> Iterable[str]:
    if node.op_type in ("Shape", "Size"):
        return ()
    inputs: list[str] = list(node.input)
    data = inputs[:1] if reads_shape_only(node.op_type) else inputs
    return (*data, *(tensor for tensor in inputs if tensor in fixed))


def _refuse_unsupported(graph: onnx.GraphProto, needed: list[int], fixed: set[str], path: Path) -> None:
    for position in needed:
        node = graph.node[position]
        if fixed.issuperset(filter(None, node.output)):
            continue
        if node.domain not in ("", "ai.onnx") or node.op_type not in HANDLERS:
            kind = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            raise WorkloadError(
                f"{path}: node {position} ({node.name or 'unnamed'!r}) is a {kind}, which is not supported; "
                f"{_origin(graph, position)}; write it with other ops before the export, or cut it out; "
                f"supported are {supported_types()}"
            )


def _origin(graph: onnx.GraphProto, position: int) -> str:
    """Half a sentence about what a node reads, and from where."""
    tensor = next(filter(None, graph.node[position].input), None)
    if tensor is None:
        return "it reads nothing"
    for before in range(position):
        node = graph.node[before]
        if tensor in node.output:
            return f"it reads {tensor!r} from node {before} ({node.name or 'unnamed'!r}, {node.op_type})"
    return f"it reads the input or weight {tensor!r}"


def _check(model: onnx.ModelProto, path: Path) -> None:
    """Let `onnx` check the graph, after turning large arrays into inputs without content."""
    onnx = import_onnx_package()
    graph = model.graph
    known, small = {entry.name for entry in graph.input}, []
    for array in graph.initializer:
        if min(array.dims, default=1) < 0 or math.prod(array.dims) > MAX_ELEMENTS:
            raise WorkloadError(
                f"{path}: the weight {array.name!r} has shape {tuple(array.dims)}; sizes from 0 up and at most "
                f"{MAX_ELEMENTS} elements are legal, export the model again"
            )
        if math.prod(array.dims) <= KEPT_ELEMENTS and not array.external_data:
            small.append(array)
        elif array.name not in known:
            graph.input.append(onnx.helper.make_tensor_value_info(array.name, array.data_type, array.dims))
    del graph.initializer[:]
    graph.initializer.extend(small)
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.shape.SetInParent()  # the checker wants one, whatever it says
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError, TypeError) as error:
        reason = str(error).strip().replace("\n", " ")[:MESSAGE_LENGTH]
        raise WorkloadError(f"{path} is not a legal ONNX model: {reason}; export it again") from error

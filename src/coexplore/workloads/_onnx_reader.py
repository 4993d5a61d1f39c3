"""What is known while an ONNX graph is read: ops so far, stored arrays, and which tensor is which op's output."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import WorkloadError
from coexplore.workloads._builder import Builder
from coexplore.workloads._onnx_external import read_external
from coexplore.workloads._onnx_fold import LIMIT_ELEMENTS, MAX_NUMBERS, TOTAL_ELEMENTS, fold, fold_shape, stand_in
from coexplore.workloads._onnx_format import BITS_KEY, OP_KEY, import_onnx_package
from coexplore.workloads.op import DEFAULT_BITS, Bits, Constant, Op, Shape

if TYPE_CHECKING:
    import onnx

T = TypeVar("T")
Array = npt.NDArray[Any]

KNOWN_FLOATS = 1024
"""Stored numbers with a point are weights, and not looked into, beyond this size."""
MASKED = -1e4
"""Numbers below this switch something off; they are no weights."""
VIEWS = ("Cast", "DequantizeLinear", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
"""A stored array seen through these is still that array."""


def node_metadata(node: onnx.NodeProto, key: str) -> str:
    """A metadata entry of a node, empty where it has none."""
    return next((entry.value for entry in node.metadata_props if entry.key == key), "")


def written_number(value: float) -> float:
    """The shortest number that the file's 32 bits stand for, 0.1 rather than 0.10000000149."""
    return float(str(np.float32(value)))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a graph before its nodes are read."""

    arrays: Mapping[str, onnx.TensorProto]
    """Stored arrays by tensor, with or without content."""
    filled: Set[str]
    """Stored arrays that are nodes."""
    fixed: Set[str]
    """Tensors that do not depend on data: stored arrays and what is computed from them and from shapes."""
    wanted: Set[str]
    """Tensors that lead to an output."""
    folder: Path
    """Where the file lies."""
    version: int
    """Of the set of operators that the file was written for."""


class GraphReader:
    """The graph so far: ops in `builder`, and which ONNX tensor is which op's output.

    Args:
        graph: checked, its large arrays without content.
        inputs: data inputs with their shapes.
        facts: what is known of its tensors.
    """

    def __init__(self, graph: onnx.GraphProto, inputs: tuple[tuple[str, Shape], ...], facts: Facts) -> None:
        self._graph = graph
        self._facts = facts
        self._values = {name: name for name, _ in inputs}
        self._position = 0
        self._known: dict[str, Array] = {}
        self._shapes: dict[str, Shape] = {}
        self._roots: dict[str, str] = {name: name for name in facts.arrays}
        self._left = TOTAL_ELEMENTS
        self._tables: dict[str, Shape] = {}
        self.builder = Builder(inputs)
        self.version = facts.version

    def move_to(self, position: int) -> onnx.NodeProto:
        """The node at a position, which messages name and whose bits hold from now on."""
        self._position = position
        node = self._graph.node[position]
        self.builder.owner = node_metadata(node, OP_KEY)
        self.builder.bits = self._bits(node)
        return node

    def outputs(self) -> tuple[str, ...]:
        """Names of the ops behind the outputs."""
        return tuple(dict.fromkeys(self._value(output.name) for output in self._graph.output))

    def error(self, node: onnx.NodeProto, what: str) -> WorkloadError:
        """An error that names the node."""
        return WorkloadError(f"node {self._position} ({node.name or 'unnamed'!r}, {node.op_type}): {what}")

    def warn(self, node: onnx.NodeProto, what: str) -> None:
        """Tell that values, though no shapes, differ from the file's."""
        warnings.warn(f"{self.error(node, what)}; shapes and cost are unchanged", stacklevel=2)

    def name(self, node: onnx.NodeProto) -> str:
        """What the op of a node is called, were the name free."""
        return node_metadata(node, OP_KEY) or node.name or next(filter(None, node.output), "") or node.op_type

    def _bits(self, node: onnx.NodeProto) -> Bits:
        text = node_metadata(node, BITS_KEY)
        if not text:
            return DEFAULT_BITS
        parts = text.split(",")
        if len(parts) != 4 or not all(part.isdecimal() and len(part) <= 2 for part in parts):
            raise self.error(node, f"metadata {BITS_KEY!r} is {text!r}; four numbers from 1 to 64 are legal")
        return Bits(*map(int, parts))

    def attribute(self, node: onnx.NodeProto, name: str, default: T) -> T:
        """An attribute, of the type of its default; lists come as tuples.

        Raises:
            WorkloadError: it is of another type.
        """
        for item in node.attribute:
            if item.name == name:
                value = import_onnx_package().helper.get_attribute_value(item)
                value = tuple(value) if isinstance(value, list) else value
                if not isinstance(value, type(default)):
                    raise self.error(node, f"attribute {name!r} is {value!r}, not {type(default).__name__}")
                return value
        return default

    def has(self, node: onnx.NodeProto, index: int) -> bool:
        """Whether an input is given."""
        return index < len(node.input) and bool(node.input[index])

    def is_stored(self, node: onnx.NodeProto, index: int) -> bool:
        """Whether an input exists and does not depend on the data."""
        return self.has(node, index) and node.input[index] in self._facts.fixed

    def data(self, node: onnx.NodeProto, index: int = 0) -> str:
        """Name of the op or input that an input of the node reads.

        Raises:
            WorkloadError: it is stored, not computed.
        """
        tensor = node.input[index] if index < len(node.input) else ""
        if tensor not in self._values:
            raise self.error(node, f"input {index} ({tensor!r}) must be computed by a supported node from the input")
        return self._values[tensor]

    def shape(self, node: onnx.NodeProto, index: int = 0) -> Shape:
        """Shape of a computed input."""
        return self.builder.shapes[self.data(node, index)]

    def operand(self, node: onnx.NodeProto, index: int) -> str:
        """Name of the op behind an input; a stored array becomes a `Constant`, trained where it looks like weights."""
        if not self.is_stored(node, index):
            return self.data(node, index)
        tensor, shape = node.input[index], self.stored_shape(node, index)
        array = self.array(node, index)
        single, known = math.prod(shape) == 1, array is not None and array.size == 1
        value = float(array.reshape(-1)[0]) if array is not None and single and known else float(single)
        trained = self._is_weight(tensor, shape)
        stored = {"value": self.root(node, index)} if trained else None
        name = self.builder.add(Constant(tensor, (), shape, value=value, trained=trained), stored)
        if single and not known:
            self.warn(node, f"the number {tensor!r} is not known and read as 1")
            self.builder.guessed.add(name)
        return name

    def _is_weight(self, tensor: str, shape: Shape) -> bool:
        if math.prod(shape) == 1 or tensor not in self._roots:
            return False
        proto = self._facts.arrays[self._roots[tensor]]
        floats = import_onnx_package().TensorProto
        if proto.data_type not in (floats.FLOAT, floats.FLOAT16, floats.BFLOAT16, floats.DOUBLE):
            return False
        array = self._content(proto)
        return array is None or not bool((array.astype(np.float64) <= MASKED).any())

    def root(self, node: onnx.NodeProto, index: int) -> str:
        """The stored array that an input is, seen through views; empty where it is computed."""
        return self._roots.get(node.input[index], "") if self.has(node, index) else ""

    def table(self, node: onnx.NodeProto, index: int, shape: Shape) -> str:
        """The root of a table of embeddings, remembered so that an equal matrix is known as it."""
        root = self.root(node, index)
        if root:
            self._tables[root] = shape
        return root

    def matrix(self, node: onnx.NodeProto, index: int, shape: Shape) -> str:
        """The root of a matrix (out, in): the table of embeddings where the file holds that a second time, turned."""
        root = self.root(node, index)
        for table, rows in self._tables.items():
            if root and root != table and rows == shape and self._turned(root, table):
                return table
        return root

    def _turned(self, root: str, table: str) -> bool:
        one, other = self._content(self._facts.arrays[root]), self._content(self._facts.arrays[table])
        return one is not None and other is not None and np.array_equal(one.T, other)

    def _content(self, tensor: onnx.TensorProto) -> Array | None:
        if tensor.external_data or tensor.data_location == tensor.EXTERNAL:
            return read_external(tensor, self._facts.folder)
        try:
            array: Array = import_onnx_package().numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError) as error:
            raise WorkloadError(
                f"the stored array {tensor.name!r} is damaged: {error}; export the model again"
            ) from error
        return array if array.dtype.kind in "biuf" or array.dtype.name == "bfloat16" else None

    def is_filled_in(self, node: onnx.NodeProto, index: int) -> bool:
        """Whether a stored array is a node of the graph, as what exporters add is, and no weight of the model."""
        return self.has(node, index) and node.input[index] in self._facts.filled

    def stored_shape(self, node: onnx.NodeProto, index: int) -> Shape:
        """Shape of a stored array.

        Raises:
            WorkloadError: the input is absent, computed, or of unknown shape.
        """
        shape = self._stored_shape(node.input[index]) if self.is_stored(node, index) else None
        if shape is None:
            raise self.error(node, f"input {index} must be a stored array of known shape")
        return shape

    def _stored_shape(self, tensor: str) -> Shape | None:
        if tensor in self._facts.arrays:
            return tuple(int(size) for size in self._facts.arrays[tensor].dims)
        return self._known[tensor].shape if tensor in self._known else self._shapes.get(tensor)

    def array(self, node: onnx.NodeProto, index: int) -> Array | None:
        """Content of an input that does not depend on data, None where it is absent, large, or not known."""
        return self._array(node.input[index]) if self.has(node, index) else None

    def _array(self, tensor: str) -> Array | None:
        if tensor not in self._known and tensor in self._facts.arrays:
            proto = self._facts.arrays[tensor]
            size = math.prod(proto.dims)
            array = self._content(proto) if size <= LIMIT_ELEMENTS else None
            if array is not None and (array.dtype.kind in "biu" or size <= KNOWN_FLOATS):
                self._known[tensor] = array
        return self._known.get(tensor)

    def numbers(self, node: onnx.NodeProto, index: int, attribute: str) -> tuple[int, ...] | None:
        """Whole numbers from an input or, in earlier versions of the format, an attribute; None where neither is given.

        Raises:
            WorkloadError: they depend on data.
        """
        if not self.has(node, index):
            given: tuple[int, ...] = self.attribute(node, attribute, ())
            return given or None
        array = self.array(node, index)
        if array is None or array.dtype.kind not in "iu":
            what = f"input {index} ({node.input[index]!r}) depends on data, so a shape is dynamic"
            raise self.error(node, f"{what}; export the model with fixed sizes")
        if array.size > MAX_NUMBERS:
            raise self.error(node, f"input {index} holds {array.size} numbers; no node takes more than {MAX_NUMBERS}")
        return tuple(array.reshape(-1).tolist())

    def fold(self, node: onnx.NodeProto) -> None:
        """Compute what a node gives that does not depend on data: as far as it is small, else its shape."""
        if node.op_type in VIEWS and node.input and node.input[0] in self._roots:
            self._roots[node.output[0]] = self._roots[node.input[0]]
        if node.op_type in ("Shape", "Size"):
            self._keep(node, self._measured(node))
            return
        arrays = [self._array(tensor) if tensor else None for tensor in node.input]
        if all(array is not None or not tensor for array, tensor in zip(arrays, node.input, strict=True)):
            results = fold(node.op_type, arrays, self._attributes(node))
            if results is not None:
                self._keep(node, results)
                return
        self._fold_shape(node, arrays)

    def _fold_shape(self, node: onnx.NodeProto, arrays: list[Array | None]) -> None:
        inputs = []
        for tensor, array in zip(node.input, arrays, strict=True):
            shape = self._stored_shape(tensor)
            if array is None and shape is None:
                return
            inputs.append(stand_in(shape or ()) if array is None else array)
        found = fold_shape(node.op_type, inputs, self._attributes(node))
        if found is not None:
            self._shapes[node.output[0]] = found

    def _keep(self, node: onnx.NodeProto, results: list[Array] | None) -> None:
        for tensor, array in zip(node.output, results or [], strict=False):
            self._left -= array.size
            if self._left >= 0:
                self._known[tensor] = array
            else:
                self._shapes[tensor] = array.shape

    def _measured(self, node: onnx.NodeProto) -> list[Array] | None:
        tensor = node.input[0] if node.input else ""
        if tensor in self._values:
            shape: Shape | None = self.builder.shapes[self._values[tensor]]
        else:
            shape = self._stored_shape(tensor)
        if shape is None:
            return None
        if node.op_type == "Size":
            return [np.array(math.prod(shape), np.int64)]
        start, stop = self.attribute(node, "start", 0), self.attribute(node, "end", len(shape))
        return [np.array(shape[start:stop], np.int64)]

    def _attributes(self, node: onnx.NodeProto) -> dict[str, Any]:
        helper, found = import_onnx_package().helper, {}
        for item in node.attribute:
            value = helper.get_attribute_value(item)
            found[item.name] = self._content(value) if item.HasField("t") else value
        return found

    def wanted(self, tensor: str) -> bool:
        """Whether an output of a node leads to an output of the model."""
        return tensor in self._facts.wanted

    def emit(self, node: onnx.NodeProto, op: Op, stored: Mapping[str, str] | None = None) -> None:
        """Add an op whose output is the node's."""
        self.alias(node, self.builder.add(op, stored))

    def result(self, node: onnx.NodeProto) -> str:
        """Name of the op that an output of the node was last given."""
        return self._values[node.output[0]]

    def alias(self, node: onnx.NodeProto, name: str, output: int = 0) -> None:
        """An output of the node is that of an op already there."""
        if output < len(node.output) and node.output[output]:
            self._values[node.output[output]] = name

    def _value(self, tensor: str) -> str:
        if tensor not in self._values:
            raise WorkloadError(
                f"the output {tensor!r} of the model does not depend on its input; export the model without it"
            )
        return self._values[tensor]

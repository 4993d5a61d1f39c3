"""What is known while an ONNX graph is read: ops so far, their shapes, and which tensor is which op's output."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any, TypeVar

import numpy.typing as npt

from coexplore.core.errors import WorkloadError
from coexplore.workloads.onnx_export import BITS_KEY, OP_KEY, import_onnx_package
from coexplore.workloads.op import DEFAULT_BITS, Bits, Op, Shape

if TYPE_CHECKING:
    import onnx

T = TypeVar("T")


def node_metadata(node: onnx.NodeProto, key: str) -> str:
    """A metadata entry of a node, empty where it has none."""
    return next((entry.value for entry in node.metadata_props if entry.key == key), "")


class GraphReader:
    """The graph so far: ops by name, shapes, and which ONNX tensor is which op's output.

    Args:
        graph: checked, its large arrays without content.
        inputs: data inputs with their shapes.
        arrays: stored arrays by tensor name, with or without content.
        fixed: all tensors that do not depend on data, the stored arrays and what is computed from them.
        inferred: shapes known from inference, of stored arrays too.
    """

    def __init__(
        self,
        graph: onnx.GraphProto,
        inputs: tuple[tuple[str, Shape], ...],
        arrays: Mapping[str, onnx.TensorProto],
        fixed: Set[str],
        inferred: Mapping[str, Shape],
    ) -> None:
        self._graph = graph
        self._arrays = arrays
        self._fixed = fixed
        self._inferred = inferred
        self._values = {name: name for name, _ in inputs}
        self._tensors: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._position = 0
        self._readers = Counter(name for node in graph.node for name in node.input)
        self._readers.update(output.name for output in graph.output)
        self.shapes: dict[str, Shape] = dict(inputs)
        self.ops: dict[str, Op] = {}

    def move_to(self, position: int) -> onnx.NodeProto:
        """The node at a position, which messages name from now on."""
        self._position = position
        return self._graph.node[position]

    def outputs(self) -> tuple[str, ...]:
        """Names of the workload's outputs."""
        return tuple(dict.fromkeys(self._value(output.name) for output in self._graph.output))

    def error(self, node: onnx.NodeProto, what: str) -> WorkloadError:
        """An error that names the node."""
        return WorkloadError(f"node {self._position} ({node.name or 'unnamed'!r}, {node.op_type}): {what}")

    def warn(self, node: onnx.NodeProto, what: str) -> None:
        """Tell that values, though no shapes, differ from the file's."""
        warnings.warn(f"{self.error(node, what)}; shapes and cost are unchanged", stacklevel=2)

    def name(self, node: onnx.NodeProto) -> str:
        """A free name for the op of a node."""
        return self.free_name(node_metadata(node, OP_KEY) or node.name or node.output[0])

    def free_name(self, wanted: str) -> str:
        """`wanted`, numbered where it is taken."""
        name, number = wanted, 2
        while name in self.shapes:
            name, number = f"{wanted}_{number}", number + 1
        return name

    def bits(self, node: onnx.NodeProto) -> Bits:
        """Bits in the node's metadata, the default without."""
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

    def data(self, node: onnx.NodeProto, index: int = 0) -> str:
        """Name of the op or input that an input of the node reads.

        Raises:
            WorkloadError: it is stored, not computed.
        """
        tensor = node.input[index] if index < len(node.input) else ""
        if tensor not in self._values:
            raise self.error(node, f"input {index} ({tensor!r}) must be computed by a supported node from the input")
        return self._values[tensor]

    def _value(self, tensor: str) -> str:
        if tensor not in self._values:
            raise WorkloadError(f"the output {tensor!r} of the model does not depend on its input")
        return self._values[tensor]

    def is_stored(self, node: onnx.NodeProto, index: int) -> bool:
        """Whether an input exists and does not depend on the data."""
        return index < len(node.input) and node.input[index] in self._fixed

    def stored_shape(self, node: onnx.NodeProto, index: int) -> Shape:
        """Shape of a stored array.

        Raises:
            WorkloadError: the input is absent, computed, or of unknown shape.
        """
        tensor = node.input[index] if self.is_stored(node, index) else ""
        if tensor in self._arrays:
            return tuple(int(size) for size in self._arrays[tensor].dims)
        if tensor in self._inferred:
            return self._inferred[tensor]
        raise self.error(node, f"input {index} must be a stored array of known shape")

    def stored_array(self, node: onnx.NodeProto, index: int) -> npt.NDArray[Any] | None:
        """Content of a stored array, None where the file does not hold it as it is.

        Raises:
            WorkloadError: the content does not fit its shape.
        """
        tensor = self._arrays.get(node.input[index])
        if tensor is None or tensor.external_data:
            return None
        try:
            array: npt.NDArray[Any] = import_onnx_package().numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError) as error:
            raise self.error(node, f"the stored array {tensor.name!r} is damaged: {error}") from error
        return array

    def output_shape(self, node: onnx.NodeProto) -> Shape:
        """Shape of the node's output by inference.

        Raises:
            WorkloadError: it depends on data.
        """
        if node.output[0] not in self._inferred:
            raise self.error(node, f"the shape of {node.output[0]!r} is dynamic; export the model with fixed sizes")
        return self._inferred[node.output[0]]

    def emit(self, node: onnx.NodeProto, op: Op) -> None:
        """Add an op whose output is the node's."""
        self.add(op)
        self.alias(node, op.name)
        self._tensors[op.name] = node.output[0]
        self._owners[op.name] = node_metadata(node, OP_KEY)

    def add(self, op: Op) -> None:
        """Add an op whose output is no tensor of the file."""
        self.shapes[op.name] = op.output_shape(tuple(self.shapes[source] for source in op.inputs))
        self.ops[op.name] = op

    def alias(self, node: onnx.NodeProto, name: str) -> None:
        """The node's output is that of an op already there."""
        self._values[node.output[0]] = name

    def only_reader_of(self, node: onnx.NodeProto, index: int) -> Op | None:
        """The op behind an input, where nothing else reads it and both may become one op."""
        op = self.ops.get(self._values.get(node.input[index], ""))
        if op is None or self._tensors.get(op.name) != node.input[index]:
            return None
        alone = self._readers[node.input[index]] == 1 and self._owners[op.name] == node_metadata(node, OP_KEY)
        return op if alone else None

    def absorb(self, node: onnx.NodeProto, op: Op) -> None:
        """Let `op`, a changed form of an op already there, produce the node's output."""
        self.ops[op.name] = op
        self.alias(node, op.name)
        self._tensors[op.name] = node.output[0]

    def forget(self, op: Op) -> None:
        """Take out an op that nothing reads any more."""
        del self.ops[op.name], self.shapes[op.name]

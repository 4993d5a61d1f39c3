"""What is known while an ONNX graph is written: nodes and stored arrays so far, and which names are taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from coexplore.workloads._onnx_format import BITS_KEY, OP_KEY, Attributes, import_onnx_package
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Op
from coexplore.workloads.weights import Weights

if TYPE_CHECKING:
    import onnx


class GraphWriter:
    """Collects nodes and stored arrays under names that are not taken."""

    def __init__(self, workload: Workload, weights: Weights) -> None:
        self._onnx = import_onnx_package()
        self._weights = weights
        self._taken = set(workload.shapes)
        self._stored: dict[str, str] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def free_name(self, wanted: str) -> str:
        """`wanted`, lengthened until no tensor has that name."""
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted

    def weight(self, op: Op, array: str) -> npt.NDArray[np.float32]:
        """One array of an op, or of the op that it is tied to."""
        return np.asarray(self._weights[_owner(op, array)], dtype=np.float32)

    def store(self, wanted: str, array: npt.NDArray[np.float32] | npt.NDArray[np.int64]) -> str:
        """Add an initializer; returns its name."""
        name = self.free_name(wanted)
        self.initializers.append(self._onnx.numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def store_weights(self, op: Op, *arrays: str) -> list[str]:
        """Add some arrays of an op as they are, each once however many ops are tied to it."""
        return [self._store_once(_owner(op, array), self.weight(op, array)) for array in arrays]

    def store_transposed(self, op: Op, array: str) -> str:
        """Add a matrix of an op with its axes exchanged."""
        return self._store_once(f"{_owner(op, array)}/transposed", self.weight(op, array).T)

    def _store_once(self, wanted: str, array: npt.NDArray[np.float32]) -> str:
        if wanted not in self._stored:
            self._stored[wanted] = self.store(wanted, array)
        return self._stored[wanted]

    def cast(self, op: Op, source: str, kind: str, output: str | None = None) -> str:
        """Add a change of number format."""
        return self.add(op, "Cast", [source], {"to": int(self._onnx.TensorProto.DataType.Value(kind))}, output=output)

    def add(self, op: Op, kind: str, inputs: Sequence[str], attributes: Attributes, output: str | None = None) -> str:
        """Add a node of type `kind`; the one without `output` carries the result of the op."""
        name = op.name if output is None else self.free_name(output)
        node = self._onnx.helper.make_node(kind, inputs, [name], name, **attributes)
        bits = op.bits
        node.metadata_props.add(key=OP_KEY, value=op.name)
        node.metadata_props.add(key=BITS_KEY, value=f"{bits.weight},{bits.input},{bits.output},{bits.accumulator}")
        self.nodes.append(node)
        return name


def _owner(op: Op, array: str) -> str:
    return dict(op.tied).get(array, f"{op.name}.{array}")

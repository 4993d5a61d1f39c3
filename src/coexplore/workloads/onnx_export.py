"""How does a trained workload leave? As an ONNX file that any runtime runs, written without torch.

One node per op, named like it, a few ops take two. Every node says in its metadata which op it belongs to and with how
many bits, so that `read_onnx` restores the same workload. The batch is that of the workload.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from coexplore.core.errors import WorkloadError
from coexplore.core.files import write_atomic
from coexplore.workloads._onnx_format import (
    GROUP_NORM_OPSET,
    IR_VERSION,
    OPSET,
    WORKLOAD_KEY,
    import_onnx_package,
)
from coexplore.workloads._onnx_write_ops import write
from coexplore.workloads._onnx_writer import GraphWriter
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import GroupNorm
from coexplore.workloads.weights import Weights, check_weights

if TYPE_CHECKING:
    import onnx

MAX_BYTES = 2**31 - 2**20
"""A protobuf message ends at 2 GiB; the rest is for the graph."""


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


def _model(workload: Workload, weights: Weights) -> onnx.ModelProto:
    onnx = import_onnx_package()
    graph = GraphWriter(workload, weights)
    for op in workload.ops:
        write(op, workload.input_shapes(op), graph)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            workload.name,
            [helper.make_tensor_value_info(name, kind, shape) for name, shape in workload.inputs],
            [helper.make_tensor_value_info(name, kind, workload.shapes[name]) for name in workload.outputs],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", _opset(workload))],
        ir_version=IR_VERSION,
        producer_name="coexplore",
    )
    model.metadata_props.add(key=WORKLOAD_KEY, value=workload.name)
    return model


def _opset(workload: Workload) -> int:
    return max([OPSET, *(GROUP_NORM_OPSET for op in workload.ops if isinstance(op, GroupNorm))])

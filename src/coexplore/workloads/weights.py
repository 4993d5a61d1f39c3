"""Which arrays does a workload own? Names and shapes of weights, shared by torch, ONNX and the files of a study."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import WorkloadError
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Op, Shape

Weights = Mapping[str, npt.NDArray[np.float32]]
"""Arrays by name, `<op name>.<array name>`, as `weight_shapes` lists them."""

EPSILON = 1e-5
"""Added to the variance by batch and layer normalisation, torch's default."""


def weight_shapes(workload: Workload) -> dict[str, Shape]:
    """Name and shape of every array, in the order of the ops; the statistics of batch normalisation are among them.

    A tied array stands under the name of its owner only.
    """
    return {
        f"{op.name}.{array}": shape
        for op in workload.ops
        for array, shape in owned_arrays(op, workload.input_shapes(op)).items()
    }


def owned_arrays(op: Op, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
    """Arrays by short name, without those that belong to an earlier op."""
    tied = dict(op.tied)
    return {array: shape for array, shape in op.arrays(shapes).items() if array not in tied}


def check_weights(workload: Workload, weights: Weights) -> None:
    """Check that the arrays are those of the workload, no more, no less.

    Raises:
        WorkloadError: naming the array that is missing, unknown or of another shape.
    """
    expected = weight_shapes(workload)
    for name, shape in expected.items():
        if name not in weights:
            raise WorkloadError(
                f"the weights lack {name!r} of workload {workload.name!r}; give those of the same network"
            )
        if weights[name].shape != shape:
            raise WorkloadError(
                f"weight {name!r} has shape {weights[name].shape}, workload {workload.name!r} needs {shape}; "
                "give those of the same network"
            )
    for name in weights:
        if name not in expected:
            raise WorkloadError(f"workload {workload.name!r} has no weight {name!r}; give those of the same network")

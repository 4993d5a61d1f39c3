"""Which arrays does a workload own? Names and shapes of weights, shared by torch, ONNX and the files of a study."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import WorkloadError
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import BatchNorm, Constant, Conv2d, LayerNorm, Linear, Op, Shape

Weights = Mapping[str, npt.NDArray[np.float32]]
"""Arrays by name, `<op name>.<array name>`, as `weight_shapes` lists them."""

EPSILON = 1e-5
"""Added to the variance by batch and layer normalisation, torch's default."""


def weight_shapes(workload: Workload) -> dict[str, Shape]:
    """Name and shape of every array, in the order of the ops; the statistics of batch normalisation are among them."""
    return {
        f"{op.name}.{array}": shape
        for op in workload.ops
        for array, shape in op_arrays(op, workload.input_shapes(op)).items()
    }


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


@singledispatch
def op_arrays(op: Op, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
    """Arrays of one op by short name, for the shapes of its inputs; most ops have none."""
    return {}


@op_arrays.register
def _(op: Conv2d, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
    weight: dict[str, Shape] = {"weight": (op.out_channels, shapes[0][1] // op.groups, *op.kernel)}
    return {**weight, "bias": (op.out_channels,)} if op.bias else weight


@op_arrays.register
def _(op: Linear, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
    weight: dict[str, Shape] = {"weight": (op.out_features, shapes[0][-1])}
    return {**weight, "bias": (op.out_features,)} if op.bias else weight


@op_arrays.register
def _(op: BatchNorm, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
    return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (shapes[0][1],))


@op_arrays.register
def _(op: LayerNorm, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
    return dict.fromkeys(("weight", "bias"), (shapes[0][-1],))


@op_arrays.register
def _(op: Constant, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
    return {"value": op.shape}

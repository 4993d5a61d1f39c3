from __future__ import annotations

import math

import numpy as np
import pytest

from coexplore.core.errors import WorkloadError
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import BatchNorm, Conv2d, LayerNorm, Linear, Reshape
from coexplore.workloads.weights import check_weights, weight_shapes

OPS = (
    Conv2d("conv", ("x",), 6, (3, 1), groups=2, bias=True),
    BatchNorm("norm", ("conv",)),
    Reshape("rows", ("norm",), (1, 6, -1)),
    LayerNorm("layer", ("rows",)),
    Linear("fc", ("layer",), 5, bias=False),
)
WORKLOAD = Workload("small", (("x", (1, 4, 4, 4)),), OPS, ("fc",))


def weights():
    return {name: np.zeros(shape, dtype=np.float32) for name, shape in weight_shapes(WORKLOAD).items()}


def test_each_op_lists_its_arrays():
    assert weight_shapes(WORKLOAD) == {
        "conv.weight": (6, 2, 3, 1),
        "conv.bias": (6,),
        "norm.weight": (6,),
        "norm.bias": (6,),
        "norm.running_mean": (6,),
        "norm.running_var": (6,),
        "layer.weight": (8,),
        "layer.bias": (8,),
        "fc.weight": (5, 8),
    }


def test_trained_arrays_add_up_to_the_parameters():
    trained = {name: shape for name, shape in weight_shapes(WORKLOAD).items() if "running" not in name}
    assert sum(map(math.prod, trained.values())) == WORKLOAD.parameters


def test_complete_weights_are_accepted():
    check_weights(WORKLOAD, weights())


def test_a_missing_array_is_named():
    incomplete = weights()
    del incomplete["norm.bias"]
    with pytest.raises(WorkloadError, match=r"lack 'norm\.bias'"):
        check_weights(WORKLOAD, incomplete)


def test_an_array_of_another_shape_is_named():
    with pytest.raises(WorkloadError, match=r"'fc\.weight' has shape \(8, 5\), workload 'small' needs \(5, 8\)"):
        check_weights(WORKLOAD, weights() | {"fc.weight": np.zeros((8, 5), dtype=np.float32)})


def test_an_unknown_array_is_named():
    with pytest.raises(WorkloadError, match=r"no weight 'fc\.bias'"):
        check_weights(WORKLOAD, weights() | {"fc.bias": np.zeros(5, dtype=np.float32)})

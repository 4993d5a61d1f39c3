"""How does a workload become something torch can train? One layer per op, run in order.

The module computes exactly the graph that the cost engine prices. It takes any batch size: the first axis of the
workload's inputs is the batch, and a reshape keeps all axes but the first. Arrays travel under the names of
`coexplore.workloads.weights`, since names of ops may hold dots and names inside a torch module may not.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache, partial, singledispatch
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import MissingExtraError, WorkloadError
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import (
    BatchNorm,
    Constant,
    Conv2d,
    Elementwise,
    Function,
    GlobalAveragePool,
    LayerNorm,
    Linear,
    MatMul,
    Op,
    Pool2d,
    Pooling,
    Reshape,
    Shape,
    Softmax,
    Transpose,
)
from coexplore.workloads.weights import EPSILON, Weights, check_weights, op_arrays

if TYPE_CHECKING:
    import torch
    from torch import nn

    Step = Callable[..., torch.Tensor]
    """A layer, or a function of tensors."""


def build_module(workload: Workload, seed: int = 0) -> nn.Module:
    """The network as a module, initialised from `seed` without touching torch's global generator.

    `forward` takes the workload's inputs in order and returns its output, or a tuple where there are several.
    Convolutions start from He's normal distribution over their inputs, linear layers from torch's own default.

    Raises:
        MissingExtraError: torch is not installed.
        WorkloadError: torch has no such op.
    """
    torch = _torch()
    generator = torch.Generator().manual_seed(seed)
    steps = [_step(op, workload.input_shapes(op), generator) for op in workload.ops]
    # Channels last makes depthwise convolutions on a CPU more than twice as fast, forward and backward.
    return _graph_module()(workload, steps).to(memory_format=torch.channels_last)


def weights_of(module: nn.Module) -> dict[str, npt.NDArray[np.float32]]:
    """A copy of all arrays of a module of `build_module`, under the names of `weight_shapes`."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in _tensors(module).items()}


def load_weights(module: nn.Module, weights: Weights) -> None:
    """Overwrite all arrays of a module of `build_module`.

    Raises:
        WorkloadError: an array is missing, unknown or of another shape; the module is left as it was.
    """
    torch = _torch()
    check_weights(module.workload, weights)
    with torch.no_grad():
        for name, tensor in _tensors(module).items():
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(weights[name])))


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    workload: Workload = module.workload
    return {
        f"{op.name}.{array}": getattr(module.layers[str(index)], array)
        for index, op in enumerate(workload.ops)
        for array in op_arrays(op, workload.input_shapes(op))
    }


def _torch() -> ModuleType:
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise MissingExtraError("training a network", "train") from error


@cache
def _graph_module() -> type[nn.Module]:
    from torch import nn

    class GraphModule(nn.Module):  # type: ignore[misc]  # torch is unknown to the type checker, which skips it
        """Runs the steps of a workload in order; a value is dropped after its last reader."""

        def __init__(self, workload: Workload, steps: list[Step]) -> None:
            super().__init__()
            self.workload = workload
            layers = {str(index): step for index, step in enumerate(steps) if isinstance(step, nn.Module)}
            self.layers = nn.ModuleDict(layers)
            position = {name: index for index, name in enumerate(workload.shapes)}
            first = len(workload.inputs)
            sources = [tuple(position[source] for source in op.inputs) for op in workload.ops]
            self._returned = tuple(position[name] for name in workload.outputs)
            last_reader = {source: index for index, read in enumerate(sources) for source in read}
            dropped: list[list[int]] = [[] for _ in steps]
            for source, index in last_reader.items():
                if source not in self._returned:
                    dropped[index].append(source)
            self._plan = [
                (step, sources[index], first + index, tuple(dropped[index])) for index, step in enumerate(steps)
            ]

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
            """The output for one batch of every input, or a tuple of the outputs."""
            values: list[torch.Tensor | None] = [*inputs, *[None] * len(self._plan)]
            for step, sources, target, dropped in self._plan:
                values[target] = step(*[values[source] for source in sources])
                for source in dropped:
                    values[source] = None
            outputs = tuple(values[index] for index in self._returned)
            return outputs[0] if len(outputs) == 1 else outputs

    return GraphModule


@cache
def _stored_array() -> type[nn.Module]:
    import torch
    from torch import nn

    class StoredArray(nn.Module):  # type: ignore[misc]  # torch is unknown to the type checker, which skips it
        """An array that reads nothing."""

        def __init__(self, op: Constant) -> None:
            super().__init__()
            value = torch.full(op.shape, op.value)
            if op.trained:
                self.value = nn.Parameter(value)
            else:
                self.register_buffer("value", value)

        def forward(self) -> torch.Tensor:
            """The array."""
            return self.value

    return StoredArray


@singledispatch
def _step(op: Op, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    raise WorkloadError(f"op {op.name!r}: torch_build knows no {type(op).__name__}")


@_step.register(Conv2d)
def _(op: Conv2d, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    from torch import nn

    conv = nn.utils.skip_init(
        nn.Conv2d,
        shapes[0][1],
        op.out_channels,
        op.kernel,
        stride=op.stride,
        padding=op.padding,
        dilation=op.dilation,
        groups=op.groups,
        bias=op.bias,
    )
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu", generator=generator)
    if op.bias:
        nn.init.zeros_(conv.bias)
    step: Step = conv
    return step


@_step.register(Linear)
def _(op: Linear, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    from torch import nn

    linear = nn.utils.skip_init(nn.Linear, shapes[0][-1], op.out_features, bias=op.bias)
    nn.init.kaiming_uniform_(linear.weight, a=5**0.5, generator=generator)
    if op.bias:
        nn.init.zeros_(linear.bias)
    step: Step = linear
    return step


@_step.register(BatchNorm)
def _(op: BatchNorm, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    from torch import nn

    by_rank = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
    rank = len(shapes[0])
    if rank not in by_rank:
        raise WorkloadError(f"op {op.name!r}: torch has no batch normalisation of rank {rank}")
    norm: Step = by_rank[rank](shapes[0][1], eps=EPSILON)
    return norm


@_step.register(LayerNorm)
def _(op: LayerNorm, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    from torch import nn

    norm: Step = nn.LayerNorm(shapes[0][-1], eps=EPSILON)
    return norm


@_step.register(Constant)
def _(op: Constant, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    array: Step = _stored_array()(op)
    return array


@_step.register(MatMul)
def _(op: MatMul, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    product: Step = _torch().matmul
    return _matmul_transposed if op.transpose_second else product


@_step.register(Pool2d)
def _(op: Pool2d, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    functional = _torch().nn.functional
    pool = {Pooling.MAX: functional.max_pool2d, Pooling.AVERAGE: functional.avg_pool2d}[op.pooling]
    return partial(pool, kernel_size=op.kernel, stride=op.stride, padding=op.padding)


@_step.register(GlobalAveragePool)
def _(op: GlobalAveragePool, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return partial(_torch().nn.functional.adaptive_avg_pool2d, output_size=1)


@_step.register(Elementwise)
def _(op: Elementwise, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return _functions()[op.function]


@_step.register(Softmax)
def _(op: Softmax, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return partial(_torch().softmax, dim=-1)


@_step.register(Reshape)
def _(op: Reshape, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return partial(_reshape, rest=op.output_shape(shapes)[1:])


@_step.register(Transpose)
def _(op: Transpose, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return partial(_torch().permute, dims=op.axes)


def _matmul_transposed(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return first @ second.transpose(-1, -2)


def _reshape(value: torch.Tensor, rest: Shape) -> torch.Tensor:
    return value.reshape(-1, *rest)


@cache
def _functions() -> dict[Function, Step]:
    import torch
    from torch.nn import functional

    return {
        Function.ADD: torch.add,
        Function.MULTIPLY: torch.mul,
        Function.RELU: functional.relu,
        Function.RELU6: functional.relu6,
        Function.SIGMOID: torch.sigmoid,
        Function.TANH: torch.tanh,
        Function.GELU: functional.gelu,
        Function.SILU: functional.silu,
        Function.HARD_SWISH: functional.hardswish,
        Function.HARD_SIGMOID: functional.hardsigmoid,
    }

"""How does a workload become something torch can train? One layer per op, run in order.

The module computes exactly the graph that the cost engine prices. It takes any batch size: the first axis of the
workload's inputs is the batch, and a reshape keeps all axes but the first. Arrays travel under the names of
`coexplore.workloads.weights`, since names of ops may hold dots and names inside a torch module may not. A tied array is
one parameter of two layers.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import MissingExtraError
from coexplore.networks._torch_layers import step_of
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Op, Shape
from coexplore.workloads.weights import Weights, check_weights, owned_arrays

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
    steps = [step_of(op, workload.input_shapes(op), generator) for op in workload.ops]
    _tie(workload, steps)
    # Channels last makes depthwise convolutions on a CPU more than twice as fast, forward and backward.
    return _graph_module()(workload, steps).to(memory_format=torch.channels_last)


class Frames:
    """Modules of many alike networks, whose own arrays do not matter because others are put in for every call.

    Layers that networks have in common are made once.
    """

    def __init__(self) -> None:
        self._generator = _torch().Generator()
        self._steps: dict[tuple[Op, tuple[Shape, ...]], Step] = {}

    def module(self, workload: Workload) -> nn.Module:
        """The module of a network, with arrays of the right shapes and no meaning.

        Raises:
            WorkloadError: torch has no such op.
        """
        return _graph_module()(workload, [self._step(op, workload.input_shapes(op)) for op in workload.ops])

    def _step(self, op: Op, shapes: tuple[Shape, ...]) -> Step:
        if (op, shapes) not in self._steps:
            self._steps[op, shapes] = step_of(op, shapes, self._generator)
        return self._steps[op, shapes]


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
            tensor.copy_(torch.from_numpy(np.asarray(weights[name], order="C")))


def array_paths(workload: Workload) -> dict[str, str]:
    """Where the module of `build_module` keeps each array: torch's path by the name of `weight_shapes`."""
    return {
        f"{op.name}.{array}": f"layers.{index}.{array}"
        for index, op in enumerate(workload.ops)
        for array in owned_arrays(op, workload.input_shapes(op))
    }


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    held = dict([*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)])
    return {name: held[path] for name, path in array_paths(module.workload).items()}


def _tie(workload: Workload, steps: list[Step]) -> None:
    layers = {op.name: step for op, step in zip(workload.ops, steps, strict=True)}
    for op in workload.ops:
        for array, owner in op.tied:
            name, _, its_array = owner.rpartition(".")
            setattr(layers[op.name], array, getattr(layers[name], its_array))


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

"""What is known while a traced module is read: ops so far, and what each node of the trace stands for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coexplore.core.errors import WorkloadError
from coexplore.workloads._builder import Builder
from coexplore.workloads.op import Constant, Op, Shape

if TYPE_CHECKING:
    import torch
    from torch import fx

KNOWN_ELEMENTS = 1 << 16
"""Arrays up to this size are computed in advance."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A tensor that does not depend on the data."""

    shape: Shape
    key: str = ""
    """The parameter or buffer that it is, seen through views; empty where it is computed."""
    trained: bool = False
    value: torch.Tensor | None = None
    """Where it is known."""


Value = str | Stored | tuple[Any, ...] | None
"""An op's name, a stored tensor, or several of them."""


class TorchReader:
    """The trace so far.

    Args:
        inputs: data inputs with their shapes.
    """

    def __init__(self, inputs: tuple[tuple[str, Shape], ...]) -> None:
        self.builder = Builder(inputs)
        self._data = {name for name, _ in inputs}
        self.values: dict[fx.Node, Value] = {}

    def value(self, argument: object) -> Value | float | bool:
        """What an argument of a call stands for; numbers stand for themselves."""
        if isinstance(argument, int | float | bool) or argument is None:
            return argument
        node: Any = argument
        if node in self.values:
            return self.values[node]
        if getattr(node, "op", "") == "placeholder" and node.name in self._data:
            return str(node.name)
        return None

    def is_data(self, argument: object) -> bool:
        """Whether an argument depends on the data; a list does where one of its entries does."""
        if isinstance(argument, list | tuple):
            return any(map(self.is_data, argument))
        value = self.value(argument) if hasattr(argument, "op") else None
        return isinstance(value, str) or (isinstance(value, tuple) and any(isinstance(v, str) for v in value))

    def error(self, node: fx.Node, what: str) -> WorkloadError:
        """An error that says where in the module a node stands, and what it reads."""
        sources = [self._described(argument) for argument in node.all_input_nodes[:1]]
        reads = f", which reads {sources[0]}" if sources else ""
        return WorkloadError(f"{node.target} in {_where(node)} (node {node.name!r}{reads}): {what}")

    def _described(self, node: fx.Node) -> str:
        kind = "an input or weight" if node.op == "placeholder" else str(node.target)
        return f"{node.name!r} ({kind} in {_where(node)})" if node.op != "placeholder" else f"{node.name!r} ({kind})"

    def name(self, node: fx.Node) -> str:
        """What the op of a node is called: its module's path, and what it does unless that is all the module does."""
        path, kind = _path(node), str(node.target).split(".")[1] if "." in str(node.target) else node.name
        kind = kind.lstrip("_")
        if kind in PARAMETRIC and path:
            return path
        return f"{path}.{kind}" if path else kind

    def shape(self, argument: object) -> Shape:
        """Shape of what an argument stands for."""
        value = self.value(argument)
        if isinstance(value, str):
            return self.builder.shapes[value]
        return value.shape if isinstance(value, Stored) else ()

    def data(self, node: fx.Node, index: int = 0) -> str:
        """The op behind an argument.

        Raises:
            WorkloadError: it is stored, not computed.
        """
        value = self.value(node.args[index])
        if not isinstance(value, str):
            raise self.error(node, f"argument {index} must depend on the input of the module")
        return value

    def stored(self, node: fx.Node, index: int) -> Stored:
        """The stored tensor behind an argument.

        Raises:
            WorkloadError: it depends on the data, or is absent.
        """
        value = self.value(node.args[index]) if index < len(node.args) else None
        if not isinstance(value, Stored):
            raise self.error(node, f"argument {index} must be a weight or buffer of the module")
        return value

    def operand(self, node: fx.Node, argument: object) -> str:
        """The op behind an argument; numbers and stored tensors become constants."""
        value = self.value(argument)
        if isinstance(value, str):
            return value
        if isinstance(value, int | float):
            return self.builder.add(Constant(f"{self.name(node)}.number", (), (), value=float(value)))
        if not isinstance(value, Stored):
            raise self.error(node, f"the argument {argument!r} is not a tensor or number")
        single = math.prod(value.shape) == 1 and not value.trained
        known = single and value.value is not None
        number = float(value.value.reshape(-1)[0]) if known and value.value is not None else float(single)
        wanted = value.key or f"{self.name(node)}.stored"
        op = Constant(wanted, (), value.shape, value=number, trained=value.trained)
        name = self.builder.add(op, {"value": value.key} if value.trained else None)
        if single and not known:
            self.builder.guessed.add(name)
        return name

    def emit(self, node: fx.Node, op: Op, stored: Mapping[str, str] | None = None) -> None:
        """Add an op whose output is the node's."""
        self.alias(node, self.builder.add(op, stored))

    def alias(self, node: fx.Node, name: str) -> None:
        """The node's result is that of an op already there.

        Raises:
            WorkloadError: its shape is not that of the trace.
        """
        expected = node.meta.get("val")
        if hasattr(expected, "shape") and tuple(expected.shape) != self.builder.shapes[name]:
            raise self.error(
                node,
                f"is read with shape {self.builder.shapes[name]}, but torch gives {tuple(expected.shape)}; report it",
            )
        self.values[node] = name


PARAMETRIC = {
    "linear",
    "convolution",
    "embedding",
    "layer_norm",
    "rms_norm",
    "group_norm",
    "native_batch_norm_legit_no_training",
    "embedding_bag_forward_only",
    "embedding_bag",
}
"""What a module of its own does."""


def _path(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    entries = [entry[0] if isinstance(entry, tuple) else str(entry) for entry in stack.values()]
    path = str(entries[-1]) if entries else ""
    return path.removeprefix("L['self'].").removeprefix("L['self']")


def _where(node: fx.Node) -> str:
    path = _path(node)
    return f"module {path!r}" if path else "the module itself"

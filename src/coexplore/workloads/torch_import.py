"""How does a PyTorch module become a workload? Traced by `torch.export`, without its weights.

The trace is split into the core operators of torch, but for those that are ops of ours as they are (linear layer,
attention, normalisation). What does not depend on the input (masks, positions, folded weights) becomes a `Constant`
that an op reads. Dropout, copies and changes of number format are dropped, and what was taken apart is joined
(`_rewrite.py`). Sizes are those of the example inputs; bits are 8, whatever the number formats in torch.

torch is imported when a module is read, not before.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from coexplore.core.errors import MissingExtraError, WorkloadError
from coexplore.workloads._rewrite import joined
from coexplore.workloads._torch_nodes import HANDLERS, KEPT, read_node
from coexplore.workloads._torch_reader import Stored, TorchReader
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn

Examples = Sequence[object] | Mapping[str, object]


def from_torch(module: nn.Module, example_inputs: torch.Tensor | Examples, name: str | None = None) -> Workload:
    """The workload of a module in evaluation mode; the module is left as it was.

    Args:
        module: anything that `torch.export` traces.
        example_inputs: a tensor, the positional inputs, or inputs by name; their sizes are those of the workload.
        name: of the workload, the module's class without it.

    Raises:
        MissingExtraError: torch is not installed.
        WorkloadError: it cannot be traced, or holds an op that a workload cannot represent; the message names the op,
            the module it stands in, and says what to do.
    """
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise MissingExtraError("reading a PyTorch module", "train") from error
    single = isinstance(example_inputs, torch.Tensor)
    positional = () if isinstance(example_inputs, Mapping) else (example_inputs,) if single else tuple(example_inputs)
    named = dict(example_inputs) if isinstance(example_inputs, Mapping) else {}
    program = _exported(module, positional, named)
    reader = TorchReader(_inputs(program))
    _enter_stored(reader, program)
    for node in program.graph.nodes:
        if node.op == "call_function":
            read_node(reader, node)
    outputs = _outputs(reader, program)
    ops, names = joined(reader.builder, outputs)
    return Workload(name or type(module).__name__, tuple(_inputs(program)), ops, names)


def _exported(module: nn.Module, positional: tuple[object, ...], named: dict[str, object]) -> Any:  # noqa: ANN401
    """The exported program; torch has no stubs that the type checker reads."""
    import torch

    try:
        with _evaluating(module), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(module, positional, named, strict=False)
            table = torch.export.default_decompositions()
            for kind in list(table):
                if _base_name(kind) in KEPT:
                    del table[kind]
            return program.run_decompositions(table)
    except Exception as error:  # whatever the module's own code raises while it is traced
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WorkloadError(
            f"torch.export cannot trace {type(module).__name__}: {reason}; call it with the example inputs, and "
            "replace control flow that depends on data, or export it to ONNX and read that"
        ) from error


def _base_name(kind: object) -> str:
    return str(kind).removeprefix("aten.").split(".")[0]


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def _inputs(program: Any) -> tuple[tuple[str, Shape], ...]:  # noqa: ANN401  exported program
    wanted = set(program.graph_signature.user_inputs)
    found = []
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in wanted and hasattr(node.meta.get("val"), "shape"):
            found.append((node.name, _static(node.meta["val"].shape, node.name)))
    if not found:
        raise WorkloadError("the module reads no tensor; give example inputs that are tensors")
    return tuple(found)


def _static(sizes: Sequence[object], name: str) -> Shape:
    if not all(isinstance(size, int) for size in sizes):
        raise WorkloadError(f"the shape of {name!r} is {tuple(sizes)}; export with fixed sizes")
    return tuple(int(str(size)) for size in sizes)


def _enter_stored(reader: TorchReader, program: Any) -> None:  # noqa: ANN401  exported program
    """Parameters, buffers and constants, under their names in the module."""
    signature = program.graph_signature
    parameters, buffers = signature.inputs_to_parameters, signature.inputs_to_buffers
    constants = signature.inputs_to_lifted_tensor_constants
    same: dict[int, str] = {}
    for node in program.graph.nodes:
        if node.op != "placeholder":
            continue
        key = parameters.get(node.name) or buffers.get(node.name) or constants.get(node.name)
        value = node.meta.get("val")
        if key is None or value is None or not hasattr(value, "shape"):
            continue
        tensor = program.state_dict.get(key, program.constants.get(key))
        owner = same.setdefault(id(tensor), key) if tensor is not None else key
        known = tensor if tensor is not None and node.name not in parameters else None
        reader.values[node] = Stored(tuple(value.shape), owner, node.name in parameters, known)


def _outputs(reader: TorchReader, program: Any) -> tuple[str, ...]:  # noqa: ANN401  exported program
    """What the module returns, and the buffers it changes."""
    (last,) = (node for node in program.graph.nodes if node.op == "output")
    found = [reader.values.get(entry) for entry in last.args[0] if hasattr(entry, "op")]
    names = [value for value in found if isinstance(value, str)]
    if not names:
        raise WorkloadError("no output of the module depends on its inputs")
    return tuple(dict.fromkeys(names))


def supported_functions() -> tuple[str, ...]:
    """All functions of torch that can be read."""
    return tuple(sorted(HANDLERS))

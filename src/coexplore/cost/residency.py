"""Which tensors stay on the chip between ops? An assumption of the cost model, stated as a rule on tensors.

A tensor is what ops write and others read, through views: the parts of a concatenation, a slice, and what an op that
rides along makes of it share the storage of the tensor they belong to. As the rule looks at the tensor alone, its
producer and its consumers agree, and the costs of ops still add up.

* Activations stay when the tensor has at most a share of the memory that can hold it: the outermost on-chip level, if
  it keeps every operand that the tensor is to some op, all instances together. Inputs and outputs of the network come
  from and go to main memory, and stored arrays come from there.
* Weights stay, from one inference to the next, when all weights of the network have at most a share of it.

What a resident operand costs instead of main memory: `coexplore.cost._resident`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from coexplore.accelerators.accelerator import Accelerator, Operand
from coexplore.core.errors import ConfigError
from coexplore.cost.kept import NOTHING, Kept, pool_bits, pool_of
from coexplore.cost.vector import FREE, rides_along
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Constant, Loops, MatMul, Op, Pad, Resident

DEFAULT_SHARE = 0.25
"""Of the memory, for one tensor: room for what an op reads, what it writes, and its tiles."""


@dataclass(frozen=True, slots=True)
class Residency:
    """What may stay on chip: shares of the memory, 0 for nothing.

    Raises:
        ConfigError: a share is not from 0 to 1.
    """

    activations: float = DEFAULT_SHARE
    """A tensor of activations stays when it takes at most this share of the memory."""
    weights: float = 0.0
    """The weights of a network stay when all of them together take at most this share."""

    def __post_init__(self) -> None:
        for name in ("activations", "weights"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ConfigError(f"residency.{name}: is {share}; give a share of the on-chip memory, 0 to 1")

    @property
    def text(self) -> str:
        """The assumption in words."""
        if self == MAIN_MEMORY:
            return "every op reads from and writes to main memory"
        said = []
        if self.activations:
            said.append(f"activations of up to {100 * self.activations:g} % of the on-chip memory stay there")
        if self.weights:
            said.append(f"weights stay there between runs if all fit in {100 * self.weights:g} % of it")
        return "; ".join(said)


MAIN_MEMORY = Residency(0.0, 0.0)
"""The default: nothing stays. The other assumption makes every result depend on a share nobody has measured."""


def residency_from_document(document: object) -> Residency:
    """The inverse of `dataclasses.asdict`; nothing is main memory.

    Raises:
        ConfigError: not of that form.
    """
    if document is None:
        return MAIN_MEMORY
    names = {field.name for field in fields(Residency)}
    if not isinstance(document, dict) or not set(document) <= names:
        raise ConfigError(f"residency: is {document!r}; give activations and weights, shares of the on-chip memory")
    for name, share in document.items():
        if isinstance(share, bool) or not isinstance(share, int | float):
            raise ConfigError(f"residency.{name}: is {share!r}; give a share of the on-chip memory, 0 to 1")
    return Residency(**document)


def keep(workload: Workload, accelerator: Accelerator, residency: Residency) -> Kept:
    """Apply the rule to every tensor of a workload, and to its weights."""
    tensors: set[str] = set()
    if residency.activations:
        for names in storages(workload):
            room = _room(workload, accelerator, names)
            if storage_bits(workload, names) <= residency.activations * room:
                tensors |= names
    weights = False
    number = pool_of(accelerator, Operand.WEIGHT)
    if residency.weights and number is not None:
        weights = weight_bits(workload) <= residency.weights * pool_bits(accelerator, number)
    return Kept(frozenset(tensors), weights)


def with_residents(op: Op, loops: Loops, kept: Kept) -> Loops:
    """The loops of an op with its operands on chip."""
    if kept == NOTHING:
        return loops
    second = op.inputs[1] in kept.tensors if isinstance(op, MatMul) else kept.weights
    return replace(loops, resident=Resident(second, op.inputs[0] in kept.tensors, op.name in kept.tensors))


def storages(workload: Workload) -> list[frozenset[str]]:
    """Names of inputs and op outputs that share one tensor, in the order of the workload."""
    root = {name: name for name in workload.shapes}

    def find(name: str) -> str:
        while root[name] != name:
            root[name] = name = root[root[name]]
        return name

    for op in workload.ops:
        if not _shares(workload, op):
            continue
        for source in op.inputs:
            if not isinstance(workload.producers.get(source), Constant):
                root[find(op.name)] = find(source)
    groups: dict[str, set[str]] = {}
    for name in workload.shapes:
        groups.setdefault(find(name), set()).add(name)
    return [frozenset(names) for names in groups.values()]


def _shares(workload: Workload, op: Op) -> bool:
    """Whether the output of an op lies where its inputs do."""
    return isinstance(op, (*FREE, Pad)) or rides_along(workload, op)


def storage_bits(workload: Workload, names: frozenset[str]) -> int:
    """Bits of a tensor: everything that ops other than views write to it, at the widest of their widths."""
    elements, width = 0, 1
    for name in names:
        op = workload.producers.get(name)
        if op is not None:
            width = max(width, op.bits.output)
        if op is None or not _shares(workload, op):
            elements += math.prod(workload.shapes[name])
        elif isinstance(op, Pad):
            elements += math.prod(workload.shapes[name]) - math.prod(workload.shapes[op.inputs[0]])
        width = max([width, *(reader.bits.input for reader in workload.consumers[name])])
    return elements * width


def weight_bits(workload: Workload) -> int:
    """Bits of all trained weights; an array tied to another counts once."""
    return sum(op.parameters(workload.input_shapes(op)) * op.bits.weight for op in workload.ops)


def _room(workload: Workload, accelerator: Accelerator, names: frozenset[str]) -> float:
    """Bits of the memory that can hold a tensor; -1 when none can."""
    uses = {Operand.INPUT, Operand.OUTPUT}
    for name in names:
        if name not in workload.producers or name in workload.outputs:
            return -1.0
        if isinstance(workload.producers[name], Constant):
            return -1.0
        uses |= {Operand.WEIGHT for op in workload.consumers[name] if isinstance(op, MatMul) and op.inputs[1] == name}
    pools = {pool_of(accelerator, operand) for operand in uses}
    number = pools.pop()
    return -1.0 if pools or number is None else pool_bits(accelerator, number)

"""Which tensors stay on the chip between ops? An assumption of the cost model, stated as a rule on tensors.

A tensor is what ops write and others read, through views: the parts of a concatenation, a slice, and what an op that
rides along makes of it share the storage of the tensor they belong to. As the rule looks at the tensor alone, its
producer and its consumers agree, and the costs of ops still add up.

* Activations stay when the tensor, in whole words, takes at most a share of the memory that can hold it: the
  outermost on-chip level, if it keeps every operand that the tensor is to some op, all instances together. Inputs and
  outputs of the network come from and go to main memory, and stored arrays come from there.
* Weights stay, from one inference to the next, when all weights of the network have at most a share of it.

What a resident operand costs instead of main memory: `coexplore.cost._resident`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from coexplore.accelerators.accelerator import Accelerator, Operand
from coexplore.core.errors import ConfigError
from coexplore.cost.kept import NOTHING, Kept, in_words_of, pool_bits, pool_of
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

    activation_share: float = DEFAULT_SHARE
    """A tensor of activations stays when it takes at most this share of the memory."""
    weight_share: float = 0.0
    """The weights of a network stay when all of them together take at most this share."""

    def __post_init__(self) -> None:
        for name in ("activation_share", "weight_share"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ConfigError(f"residency.{name}: is {share}; give a share of the on-chip memory, 0 to 1")

    @property
    def text(self) -> str:
        """The assumption in words."""
        if self == MAIN_MEMORY:
            return "every op reads from and writes to main memory"
        said = []
        if self.activation_share:
            said.append(f"activations of up to {100 * self.activation_share:g} % of the on-chip memory stay there")
        if self.weight_share:
            said.append(f"weights stay there between runs if all fit in {100 * self.weight_share:g} % of it")
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
        raise ConfigError(
            f"residency: is {document!r}; give activation_share and weight_share, shares of the on-chip memory"
        )
    for name, share in document.items():
        if isinstance(share, bool) or not isinstance(share, int | float):
            raise ConfigError(f"residency.{name}: is {share!r}; give a share of the on-chip memory, 0 to 1")
    return Residency(**document)


def keep(workload: Workload, accelerator: Accelerator, residency: Residency) -> Kept:
    """Apply the rule to every tensor of a workload, and to its weights."""
    tensors: set[str] = set()
    if residency.activation_share:
        for names in storages(workload):
            level = _home(workload, accelerator, names)
            if level is None:
                continue
            bits = stored_elements(workload, names) * in_words_of(accelerator, level, widest(workload, names))
            if bits <= residency.activation_share * pool_bits(accelerator, level):
                tensors |= names
    weights = False
    number = pool_of(accelerator, Operand.WEIGHT)
    if residency.weight_share and number is not None:
        bits = sum(
            op.parameters(workload.input_shapes(op)) * in_words_of(accelerator, number, op.bits.weight)
            for op in workload.ops
        )
        weights = bits <= residency.weight_share * pool_bits(accelerator, number)
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


def stored_elements(workload: Workload, names: frozenset[str]) -> int:
    """Elements of a tensor: all that ops other than views write, or what a reader sees of it, borders included."""
    written = seen = 0
    for name in names:
        op = workload.producers.get(name)
        if op is None or not _shares(workload, op):
            written += math.prod(workload.shapes[name])
        elif isinstance(op, Pad):
            written += math.prod(workload.shapes[name]) - math.prod(workload.shapes[op.inputs[0]])
        for reader in workload.consumers[name]:
            loops = workload.loops(reader)
            if loops is not None and reader.inputs[0] == name:
                seen = max(seen, loops.input_elements)
    return max(written, seen)


def widest(workload: Workload, names: frozenset[str]) -> int:
    """Bits of an element of a tensor: the widest that an op writes or reads."""
    written = [op.bits.output for name in names if (op := workload.producers.get(name)) is not None]
    return max([*written, *(reader.bits.input for name in names for reader in workload.consumers[name])], default=1)


def _home(workload: Workload, accelerator: Accelerator, names: frozenset[str]) -> int | None:
    """The level that can hold a tensor, None when there is none."""
    uses = {Operand.INPUT, Operand.OUTPUT}
    for name in names:
        if name not in workload.producers or name in workload.outputs:
            return None
        if isinstance(workload.producers[name], Constant):
            return None
        uses |= {Operand.WEIGHT for op in workload.consumers[name] if isinstance(op, MatMul) and op.inputs[1] == name}
    pools = {pool_of(accelerator, operand) for operand in uses}
    return pools.pop() if len(pools) == 1 else None

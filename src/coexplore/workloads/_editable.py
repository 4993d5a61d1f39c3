"""How is a graph of ops changed after it was read? By exchanging, inserting and dropping ops, readers counted."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping

from coexplore.workloads._builder import Builder
from coexplore.workloads._node import Op
from coexplore.workloads._patterns import Chains, chains_of, known_number
from coexplore.workloads.loops import Shape


class EditableGraph:
    """Ops that can be exchanged, with their readers counted."""

    def __init__(self, builder: Builder, outputs: tuple[str, ...]) -> None:
        self.ops = dict(builder.ops)
        self._inputs = builder.shapes.keys() - builder.ops.keys()
        self.shapes: dict[str, Shape] = dict(builder.shapes)
        self.chains: dict[str, Chains] = {}
        numbers = {name: known_number(op) for name, op in self.ops.items() if name not in builder.guessed}
        self._numbers = {name: value for name, value in numbers.items() if value is not None}
        self._owners = builder.owners
        self._outputs = outputs
        self._renamed: dict[str, str] = {}
        self._arrays: dict[str, str] = {}
        self._order = {name: (number, 0) for number, name in enumerate(self.ops)}
        self._readers: dict[str, Counter[str]] = {name: Counter() for name in self.shapes}
        for op in self.ops.values():
            self._count(op, 1)
        self._kept = Counter(outputs)

    def _count(self, op: Op, change: int) -> None:
        for source in op.inputs:
            self._readers[source][op.name] += change
            if self._readers[source][op.name] == 0:
                del self._readers[source][op.name]

    def same_owner(self, *names: str) -> bool:
        """Whether ops may become one."""
        return len({self._owners.get(name, "") for name in names}) == 1

    def only_reader(self, source: str, reader: str) -> bool:
        """Whether nothing but one op needs a value."""
        readers = self._readers[source]
        return source not in self._kept and len(readers) == 1 and reader in readers

    def inside(self, names: frozenset[str], last: str) -> bool:
        """Whether nothing outside a set of ops needs their values, but for that of the last."""
        for name in names - {last}:
            readers = self._readers[name]
            if name in self._kept or len(readers) > len(names) or not names.issuperset(readers):
                return False
        return True

    def producer(self, source: str, reader: str) -> Op | None:
        """The op behind a value that only `reader` needs and that may join it."""
        op = self.ops.get(source)
        return op if op is not None and self.only_reader(source, reader) and self.same_owner(source, reader) else None

    def replace(self, op: Op) -> None:
        """Exchange the op of the same name."""
        self._count(self.ops[op.name], -1)
        self.ops[op.name] = op
        self._count(op, 1)

    def insert(self, op: Op, before: str) -> None:
        """Add an op of a new name that stands before another, after those that were inserted there earlier."""
        number, place = self._order[before]
        self._order[op.name], self._order[before] = (number, place), (number, place + 1)
        self.ops[op.name] = op
        self.shapes[op.name] = op.output_shape(tuple(self.shapes[source] for source in op.inputs))
        self._owners[op.name] = self._owners.get(before, "")
        self._readers[op.name] = Counter()
        self._count(op, 1)

    def is_number(self, name: str) -> bool:
        """Whether a value is a constant of one number that can be moved."""
        return name in self._numbers and name in self.ops

    def move(self, name: str, before: str) -> None:
        """Let a constant stand before another op."""
        if self._order[name] > self._order[before]:
            number, place = self._order[before]
            self._order[name], self._order[before] = (number, place), (number, place + 1)

    def redirect(self, old: str, new: str) -> None:
        """Let everything that reads `old` read `new`, and drop what nothing needs any more."""
        for reader in list(self._readers[old]):
            op = self.ops[reader]
            inputs = tuple(new if source == old else source for source in op.inputs)
            self.replace(dataclasses.replace(op, inputs=inputs))
        if old in self._kept:
            self._kept[new] += self._kept.pop(old)
            self._renamed[old] = new
        self.drop(old, spared=new)

    def drop(self, name: str, spared: str = "") -> None:
        """Take out an op that nothing reads, and what only it read."""
        waiting = [name]
        while waiting:
            name = waiting.pop()
            if name == spared or name not in self.ops or self._readers[name] or name in self._kept:
                continue
            op = self.ops.pop(name)
            self._count(op, -1)
            waiting += op.inputs

    def exchange(self, last: str, op: Op) -> None:
        """Let `op`, in the place of the first op of a chain, give the result of its last one."""
        before = self.ops[op.name].inputs
        self.replace(op)
        self.shapes[op.name] = self.shapes[last]
        if last != op.name:
            self.redirect(last, op.name)
        for source in before:
            self.drop(source)
        self.learn(op)

    def first(self, names: frozenset[str]) -> str:
        """The earliest of some ops."""
        return min(names, key=self._order.__getitem__)

    def is_foreign(self, name: str) -> bool:
        """Whether the model file does not say which op of ours a node belongs to."""
        return not self._owners.get(name)

    def move_array(self, old: str, new: str) -> None:
        """An array changes its owner."""
        self._arrays[old] = new

    def chains_of(self, op: Op) -> Chains:
        """What an op computes, from every source it depends on alone."""
        return chains_of(op, self.chains, self._numbers, self.shapes)

    def learn(self, op: Op) -> None:
        """Remember what an op computes."""
        self.chains[op.name] = self.chains_of(op)

    def free_name(self, wanted: str) -> str:
        """`wanted`, lengthened until no op has that name."""
        while wanted in self.shapes:
            wanted += "_"
        return wanted

    def result(self) -> tuple[tuple[Op, ...], tuple[str, ...]]:
        """The ops in order, and the outputs; an op that is all there is of its owner gets the owner's name."""
        ops = sorted(self.ops.values(), key=lambda op: self._order[op.name])
        owners = Counter(self._owners.get(op.name, "") for op in ops)
        names = {op.name: self._owners.get(op.name, "") for op in ops if owners[self._owners.get(op.name, "")] == 1}
        taken = self._inputs | {op.name for op in ops if not names.get(op.name)}
        names = {old: new for old, new in names.items() if new and new not in taken}
        outputs = tuple(dict.fromkeys(names.get(name, name) for name in map(self._renaming, self._outputs)))
        return tuple(self._finished(op, names) for op in ops), outputs

    def _finished(self, op: Op, names: Mapping[str, str]) -> Op:
        tied = []
        for array, owner in op.tied:
            host, _, its_array = self._arrays.get(owner, owner).rpartition(".")
            tied.append((array, f"{names.get(host, host)}.{its_array}"))
        inputs = tuple(names.get(source, source) for source in op.inputs)
        return dataclasses.replace(op, name=names.get(op.name, op.name), inputs=inputs, tied=tuple(tied))

    def _renaming(self, name: str) -> str:
        while name in self._renamed:
            name = self._renamed[name]
        return name

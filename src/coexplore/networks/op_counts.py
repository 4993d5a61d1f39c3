"""How often has each network of a space each distinct op? From tables by place, for millions of networks at once.

Axes: `n` networks, `d` decisions, `o` distinct ops, `k` combinations of the decisions of a scope. The ops of a network
are those that all networks have, and for every scope those of its combination, so costs add up the same way: `counts @
price` may be taken per scope once, and a network is then a few look-ups.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import SpaceError
from coexplore.networks.network import NetworkFamily
from coexplore.networks.unique_ops import Scope, ScopedFamily, covering_points
from coexplore.spaces.space import Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.loops import Loops

Ints = NDArray[np.int64]
ABSENT = -1
"""In `ScopeCounts.rows`, where no point of the space is."""
CHECKED = 16
"""Random networks whose ops are counted one by one, too."""


@dataclass(frozen=True, slots=True, eq=False)
class ScopeCounts:
    """The ops of one scope."""

    scope: Scope
    columns: tuple[int, ...]
    """Positions of its decisions in the space."""
    sizes: tuple[int, ...]
    """Values of each, and one more for not being asked."""
    rows: Ints
    """(prod(sizes),) The combination by the indices of the decisions, the last one changing fastest."""
    counts: Ints
    """(k, o) How often a combination has each op."""

    def row_of(self, indices: Ints) -> Ints:
        """(n,) The combination that each of (n, d) rows of indices, -1 where inactive, has."""
        place = np.zeros(len(indices), np.int64)
        for column, size in zip(self.columns, self.sizes, strict=True):
            index = indices[:, column]
            # An inactive decision is as its last choice.
            place = place * size + np.where(index < 0, size - 1, index)
        return self.rows[place]


@dataclass(frozen=True, slots=True, eq=False)
class OpCounts:
    """Counts of all distinct ops with loops of a space."""

    ops: tuple[Loops, ...]
    base: Ints
    """(o,) What every network has."""
    scopes: tuple[ScopeCounts, ...]

    def of(self, indices: Ints) -> Ints:
        """(n, o) Counts of networks given as (n, d) rows of indices, -1 where inactive, as `Space.indices` has them."""
        total = np.broadcast_to(self.base, (len(indices), len(self.ops))).copy()
        for scope in self.scopes:
            total += scope.counts[scope.row_of(indices)]
        return total


def op_counts(family: NetworkFamily) -> OpCounts:
    """The tables of a family.

    Raises:
        SpaceError: the family has no scopes, or they are wrong: the same decisions give other ops elsewhere.
    """
    if not isinstance(family, ScopedFamily):
        raise SpaceError(f"network family {family.name!r} has no `scopes`; say which ops follow from which decisions")
    gathering = _Gathering(family.space, family.scopes)
    for point in covering_points(family):
        gathering.enter(family.space.indices(point), family.lower(point))
    tables = gathering.result()
    _check(family, tables)
    return tables


def _check(family: NetworkFamily, tables: OpCounts) -> None:
    for point in family.space.sample(np.random.default_rng(0), CHECKED):
        counts = tables.of(np.array([family.space.indices(point)]))[0]
        told = {loops: int(count) for loops, count in zip(tables.ops, counts, strict=True) if count}
        if told != Counter(family.lower(point).nests.values()):
            raise SpaceError(
                f"network family {family.name!r}: its scopes leave a decision out; a network has other ops than told"
            )


@dataclass(slots=True)
class _Gathering:
    """Numbers of ops, by combination, as networks come by."""

    space: Space
    scopes: tuple[Scope, ...]
    numbers: dict[Loops, int] = field(default_factory=dict)
    base: dict[int, int] | None = None
    found: list[dict[tuple[int, ...], dict[int, int]]] = field(init=False)
    places: dict[str, int] = field(default_factory=dict)
    """Position of the scope of every op seen."""
    columns: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.found = [{} for _ in self.scopes]
        self.columns = {name: column for column, name in enumerate(self.space.names)}

    def enter(self, row: Sequence[int], workload: Workload) -> None:
        """Count the ops of a network by scope."""
        groups: list[dict[int, int]] = [{} for _ in range(len(self.scopes) + 1)]
        for op, loops in workload.nests.items():
            number = self.numbers.setdefault(loops, len(self.numbers))
            if op not in self.places:
                self.places[op] = self._scope_of(op)
            group = groups[self.places[op]]
            group[number] = group.get(number, 0) + 1
        self.base = self._same(self.base, groups[-1], "ops of no scope")
        for scope, known, counted in zip(self.scopes, self.found, groups[:-1], strict=True):
            key = tuple(row[self.columns[name]] for name in scope.decisions)
            known[key] = self._same(known.get(key), counted, f"ops {', '.join(scope.ops)}")

    def _scope_of(self, op: str) -> int:
        holding = [index for index, scope in enumerate(self.scopes) if scope.holds(op)]
        if len(holding) > 1:
            raise SpaceError(f"op {op!r} is in {len(holding)} scopes; it must be in one")
        return holding[0] if holding else len(self.scopes)

    def _same(self, known: dict[int, int] | None, counted: dict[int, int], what: str) -> dict[int, int]:
        if known is not None and known != counted:
            raise SpaceError(f"the {what} differ between networks whose decisions agree; correct the scopes")
        return counted

    def result(self) -> OpCounts:
        """The tables."""
        assert self.base is not None
        scopes = tuple(self._table(scope, known) for scope, known in zip(self.scopes, self.found, strict=True))
        return OpCounts(tuple(self.numbers), self._array([self.base])[0], scopes)

    def _table(self, scope: Scope, known: dict[tuple[int, ...], dict[int, int]]) -> ScopeCounts:
        columns = tuple(self.columns[name] for name in scope.decisions)
        sizes = tuple(self.space.sizes[column] + 1 for column in columns)
        rows = np.full(math.prod(sizes), ABSENT, np.int64)
        for number, key in enumerate(known):
            rows[np.ravel_multi_index(tuple(i % s for i, s in zip(key, sizes, strict=True)), sizes)] = number
        return ScopeCounts(scope, columns, sizes, rows, self._array(list(known.values())))

    def _array(self, counted: Sequence[dict[int, int]]) -> Ints:
        array = np.zeros((len(counted), len(self.numbers)), np.int64)
        for row, counts in zip(array, counted, strict=True):
            row[list(counts)] = list(counts.values())
        return array

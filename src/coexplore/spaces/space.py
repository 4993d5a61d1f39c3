"""Which points are there? Spaces of decisions, their points, and how spaces are joined.

A point holds the active decisions only, so two points are different exactly where they mean something different.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from coexplore.core.errors import SpaceError, did_you_mean
from coexplore.spaces import conditions
from coexplore.spaces.conditions import INACTIVE, Links
from coexplore.spaces.decision import Condition, Decision, Value
from coexplore.spaces.restrict import restrict_decisions


@dataclass(frozen=True)
class Point(Mapping[str, Value]):
    """One legal assignment: an immutable mapping from the active decisions to their values, in the order of the space.

    Made by `Space.point`, which checks it. Hashable, and `core.hashing.content_hash` takes it.
    """

    entries: tuple[tuple[str, Value], ...] = ()
    """Pairs of decision and value."""

    @cached_property
    def _values(self) -> dict[str, Value]:
        return dict(self.entries)

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True)
class Space:
    """A set of decisions. Without any it has one point, the empty one: nothing may vary.

    Raises:
        SpaceError: a name occurs twice, or a condition is not about an earlier decision and its legal values.
    """

    decisions: tuple[Decision, ...] = ()
    links: Links = field(init=False, compare=False, repr=False)
    """The conditions in positions, one entry for each decision."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "links", conditions.link(self.decisions))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the decisions, in order."""
        return tuple(decision.name for decision in self.decisions)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each decision."""
        return tuple(len(decision.values) for decision in self.decisions)

    @cached_property
    def size(self) -> int:
        """Number of distinct points, exact at any magnitude."""
        return conditions.count_points(self.links, self.sizes)

    @cached_property
    def _entries(self) -> tuple[tuple[tuple[str, Value], ...], ...]:
        return tuple(tuple((decision.name, value) for value in decision.values) for decision in self.decisions)

    @cached_property
    def _positions(self) -> dict[tuple[str, Value], tuple[int, int, type]]:
        return {
            entry: (position, index, type(entry[1]))
            for position, entries in enumerate(self._entries)
            for index, entry in enumerate(entries)
        }

    def point(self, assignment: Mapping[str, Value]) -> Point:
        """The point of an assignment, with the values as the decisions write them (2.0 may become 2).

        Raises:
            SpaceError: a decision is unknown, missing, inactive, or has an illegal value (legal ones listed).
        """
        for name in assignment:
            if name not in self.names:
                raise SpaceError(f"there is no decision {name!r} in this space; {did_you_mean(name, self.names)}")
        row: list[int] = []
        for position, decision in enumerate(self.decisions):
            active = conditions.is_active(self.links, row, position)
            if active and decision.name not in assignment:
                raise SpaceError(f"decision {decision.name!r} has no value; legal are {decision.legal}")
            if not active and decision.name in assignment:
                raise SpaceError(f"decision {decision.name!r} has a value but is inactive; {self._why(position)}")
            row.append(decision.index_of(assignment[decision.name]) if active else INACTIVE)
        return self.at(row)

    def _why(self, position: int) -> str:
        condition = self.decisions[position].condition
        assert condition is not None
        return f"leave it out, or set {condition.parent!r} to one of {', '.join(map(repr, condition.values))}"

    def at(self, row: Sequence[int]) -> Point:
        """The point of one row of indices, -1 where inactive. Unchecked: `encode.from_indices` checks."""
        return Point(tuple([entries[index] for entries, index in zip(self._entries, row, strict=True) if index >= 0]))

    def indices(self, point: Point) -> list[int]:
        """The row of indices of a point of this space, -1 where inactive.

        Raises:
            SpaceError: the point is not of this space.
        """
        row = [INACTIVE] * len(self.decisions)
        for entry in point.entries:
            found = self._positions.get(entry)
            if found is None or found[2] is not type(entry[1]):
                raise SpaceError(f"{entry[0]} = {entry[1]!r} is not in this space; make points with Space.point")
            row[found[0]] = found[1]
        for position, condition in enumerate(self.links):
            active = condition is None or row[condition.parent] in condition.active_at
            if active is not (row[position] >= 0):
                problem = "has no value" if active else "has a value but is inactive"
                raise SpaceError(f"decision {self.names[position]!r} {problem}; make points with Space.point")
        return row

    def __contains__(self, point: object) -> bool:
        if not isinstance(point, Point):
            return False
        try:
            return self.at(self.indices(point)).entries == point.entries
        except SpaceError:
            return False

    def enumerate(self) -> Iterator[Point]:
        """Every point once, in lexicographic order of the decisions and their values."""
        row: list[int] | None = self._complete([])
        while row is not None:
            yield self.at(row)
            row = self._next(row)

    def _complete(self, head: list[int]) -> list[int]:
        """The first row that begins with `head`."""
        row = head
        for position in range(len(head), len(self.decisions)):
            row.append(0 if conditions.is_active(self.links, row, position) else INACTIVE)
        return row

    def _next(self, row: list[int]) -> list[int] | None:
        for position in reversed(range(len(row))):
            if INACTIVE < row[position] < self.sizes[position] - 1:
                return self._complete([*row[:position], row[position] + 1])
        return None

    def sample(self, rng: np.random.Generator, n: int) -> list[Point]:
        """`n` points, with repetition; each decision is drawn uniformly from its values.

        Points of a branch with few points are therefore likelier than others. Drawing n at once or one by one gives the
        same points.
        """
        unit = rng.random((n, len(self.decisions)))
        return [self.at(row) for row in conditions.uniform_indices(self.links, self.sizes, unit).tolist()]

    def neighbours(self, point: Point) -> list[Point]:
        """The points that differ in one choice: one step where ordered, any other value where not.

        Decisions that the change switches off drop out, and those that it switches on take their first value.

        Raises:
            SpaceError: the point is not of this space.
        """
        row = self.indices(point)
        return [self.at(self._changed(row, position, index)) for position, index in self._steps(row)]

    def neighbour(self, point: Point, rng: np.random.Generator) -> Point | None:
        """One of `neighbours`, drawn uniformly; None in a space of one point.

        Raises:
            SpaceError: the point is not of this space.
        """
        row = self.indices(point)
        steps = self._steps(row)
        return self.at(self._changed(row, *steps[int(rng.integers(len(steps)))])) if steps else None

    def _steps(self, row: list[int]) -> list[tuple[int, int]]:
        """Decisions and the values that they may change to."""
        return [
            (position, index)
            for position, decision in enumerate(self.decisions)
            if row[position] != INACTIVE
            for index in range(len(decision.values))
            if (abs(index - row[position]) == 1 if decision.ordered else index != row[position])
        ]

    def _changed(self, row: list[int], position: int, index: int) -> list[int]:
        changed = [*row[:position], index]
        for later in range(position + 1, len(row)):
            active = conditions.is_active(self.links, changed, later)
            changed.append(max(row[later], 0) if active else INACTIVE)
        return changed

    def restrict(self, values: Mapping[str, Sequence[Value]]) -> Space:
        """The sub-space in which some decisions keep only the values listed for them.

        Decisions that can never be active any more drop out. Every point of the result is a point of this space.

        Raises:
            SpaceError: an unknown decision, an illegal value, or a decision that would lose all its values.
        """
        return Space(restrict_decisions(self.decisions, values))

    def freeze(self, assignment: Mapping[str, Value]) -> Space:
        """The sub-space in which some decisions have one value each; freezing a whole point leaves that point alone.

        Raises:
            SpaceError: an unknown decision or an illegal value.
        """
        return self.restrict({name: (value,) for name, value in assignment.items()})


def product(**spaces: Space) -> Space:
    """The space of all combinations; the decisions of `network=...` get names like "network.kernel0"."""
    return Space(tuple(_nested(decision, prefix) for prefix, space in spaces.items() for decision in space.decisions))


def _nested(decision: Decision, prefix: str) -> Decision:
    condition = decision.condition
    nested = None if condition is None else Condition(f"{prefix}.{condition.parent}", condition.values)
    return Decision(f"{prefix}.{decision.name}", decision.values, decision.ordered, nested)


def factor(space: Space, prefix: str) -> Space:
    """The space of one part of a product, under its own names; empty where that part has no decision."""
    head = f"{prefix}."
    return Space(tuple(_alone(decision, head) for decision in space.decisions if decision.name.startswith(head)))


def _alone(decision: Decision, head: str) -> Decision:
    condition = decision.condition
    own = None if condition is None else Condition(condition.parent.removeprefix(head), condition.values)
    return Decision(decision.name.removeprefix(head), decision.values, decision.ordered, own)


def join(**points: Point) -> Point:
    """The point of a product, from one point of each of its spaces in the same order."""
    return Point(
        tuple((f"{prefix}.{name}", value) for prefix, point in points.items() for name, value in point.entries)
    )


def part(point: Point, prefix: str) -> Point:
    """The point of one space of a product: "network" takes what begins with "network." and drops that beginning.

    Empty where that space is empty, or is none of the product.
    """
    head = f"{prefix}."
    return Point(tuple((name[len(head) :], value) for name, value in point.entries if name.startswith(head)))

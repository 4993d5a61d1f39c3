"""Which distinct ops occur in any network of a space? Found from the choices of each place, not from the networks.

A family says in `scopes` which of its decisions the ops of each place follow from. The choices of all places are then
gone through side by side: a few hundred networks hold every op of a space of any size. Families without scopes are gone
through network by network, as far as that is possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from coexplore.core.errors import SpaceError
from coexplore.networks.network import NetworkFamily
from coexplore.spaces.decision import Value
from coexplore.spaces.space import Point, Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.loops import Loops

MOST_NETWORKS = 20_000
"""Networks that are gone through one by one."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Ops with loops that follow from a few decisions: in all networks where these agree, the ops are the same."""

    ops: tuple[str, ...]
    """Names of ops, or what they begin with before a dot."""
    decisions: tuple[str, ...]
    """In the order of the space, a condition's parent among them."""

    def holds(self, op: str) -> bool:
        """Whether an op is one of them."""
        return any(op == name or op.startswith(f"{name}.") for name in self.ops)


@runtime_checkable
class ScopedFamily(Protocol):
    """A family that says which ops follow from which decisions."""

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Every op with loops is in at most one; those in none are in all networks alike."""
        ...


def unique_ops(family: NetworkFamily) -> tuple[Loops, ...]:
    """The loops of every op that occurs in any network of a family, each once, in the order of first occurrence.

    Raises:
        SpaceError: the family has no scopes and too many networks.
    """
    found = {loops: None for workload in covering_networks(family) for loops in workload.nests.values()}
    return tuple(found)


def covering_networks(family: NetworkFamily) -> Iterator[Workload]:
    """Networks of a family that together hold every op with loops that any of them has.

    Raises:
        SpaceError: the family has no scopes and too many networks.
    """
    return (family.lower(point) for point in covering_points(family))


def covering_points(family: NetworkFamily) -> Iterator[Point]:
    """Points in which every scope takes every combination of its decisions; all points where there are no scopes.

    Raises:
        SpaceError: the family has no scopes and too many networks.
    """
    if isinstance(family, ScopedFamily):
        return _side_by_side(family.space, family.scopes)
    if family.space.size > MOST_NETWORKS:
        raise SpaceError(
            f"network family {family.name!r} has {family.space.size:,} networks and no `scopes`; restrict it to "
            f"{MOST_NETWORKS:,} networks, or say in scopes which ops follow from which decisions"
        )
    return family.space.enumerate()


def scope_space(space: Space, scope: Scope) -> Space:
    """The decisions of a scope as a space of their own."""
    return Space(tuple(decision for decision in space.decisions if decision.name in scope.decisions))


def _side_by_side(space: Space, scopes: tuple[Scope, ...]) -> Iterator[Point]:
    """Greedily: each point takes from every scope a combination that is still missing and agrees with the others."""
    missing = [dict.fromkeys(scope_space(space, scope).enumerate()) for scope in scopes]
    while any(missing):
        chosen: dict[str, Value | None] = {}
        for scope, waiting in zip(scopes, missing, strict=True):
            found = next((point for point in waiting if _agrees(point, scope, chosen)), None)
            if found is not None:
                del waiting[found]
                chosen |= {name: found.get(name) for name in scope.decisions}
        yield _completed(space, chosen)


def _agrees(point: Point, scope: Scope, chosen: dict[str, Value | None]) -> bool:
    return all(point.get(name) == chosen[name] for name in scope.decisions if name in chosen)


def _completed(space: Space, chosen: dict[str, Value | None]) -> Point:
    """The point with the values chosen; what was left open takes its first value where it is active."""
    assignment: dict[str, Value] = {}
    for decision in space.decisions:
        condition = decision.condition
        if condition is None or assignment.get(condition.parent) in condition.values:
            value = chosen.get(decision.name)
            assignment[decision.name] = decision.values[0] if value is None else value
    return space.point(assignment)

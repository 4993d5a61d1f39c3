"""What is left of a space when some values go? Freezing and restricting; points keep their names and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from coexplore.core.errors import SpaceError, did_you_mean
from coexplore.spaces.decision import Condition, Decision, Value


def restrict_decisions(decisions: Sequence[Decision], values: Mapping[str, Sequence[Value]]) -> tuple[Decision, ...]:
    """The decisions with fewer values; those that can never be active any more drop out.

    Args:
        decisions: of a legal space.
        values: for some decisions, the values to keep; the others keep all of theirs.

    Raises:
        SpaceError: an unknown decision, an illegal value, or a decision that would lose all its values.
    """
    known = [decision.name for decision in decisions]
    for name in values:
        if name not in known:
            raise SpaceError(f"there is no decision {name!r} to restrict; {did_you_mean(name, known)}")
    left: dict[str, Decision] = {}
    for decision in decisions:
        condition = _restrict_condition(decision.condition, left)
        if decision.condition is None or condition is not None:
            kept = _kept(decision, values.get(decision.name))
            left[decision.name] = Decision(decision.name, kept, decision.ordered, condition)
    return tuple(left.values())


def _restrict_condition(condition: Condition | None, left: Mapping[str, Decision]) -> Condition | None:
    """The condition with the parent values that are left, None where it can no longer hold."""
    parent = None if condition is None else left.get(condition.parent)
    if condition is None or parent is None:
        return None
    values = tuple(value for value in condition.values if value in parent.values)
    return Condition(condition.parent, values) if values else None


def _kept(decision: Decision, values: Sequence[Value] | None) -> tuple[Value, ...]:
    if values is None:
        return decision.values
    kept = {decision.index_of(value) for value in values}
    if not kept:
        raise SpaceError(f"the restricted space is empty: decision {decision.name!r} lost all its values")
    return tuple(decision.values[index] for index in sorted(kept))

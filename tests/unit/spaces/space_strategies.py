"""Random small spaces with chains of conditions, for the property tests of this folder."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Space

NUMBERS = st.one_of(st.integers(-9, 9), st.sampled_from([-0.5, 0.25, 1.5, 3.75]))
CATEGORIES = st.one_of(NUMBERS, st.sampled_from(["a", "b", "c"]))


@st.composite
def decision(draw, name, earlier):
    kind = draw(st.sampled_from(["ordered", "categorical", "boolean"]))
    if kind == "ordered":
        values = sorted(draw(st.lists(NUMBERS, min_size=1, max_size=4, unique=True)))
    elif kind == "categorical":
        values = draw(st.lists(CATEGORIES, min_size=1, max_size=4, unique=True))
    else:
        values = draw(st.permutations([False, True]))
    condition = None
    if earlier and draw(st.booleans()):
        parent = draw(st.sampled_from(earlier))
        active = draw(st.lists(st.sampled_from(parent.values), min_size=1, unique=True))
        condition = Condition(parent.name, tuple(active))
    return Decision(name, tuple(values), kind == "ordered", condition)


@st.composite
def spaces(draw, max_decisions=5):
    decisions = []
    for number in range(draw(st.integers(0, max_decisions))):
        decisions.append(draw(decision(f"d{number}", decisions)))
    return Space(tuple(decisions))


@st.composite
def spaces_with_point(draw, max_decisions=5):
    space = draw(spaces(max_decisions))
    position = draw(st.integers(0, space.size - 1))
    return space, next(itertools.islice(space.enumerate(), position, None))


def chain():
    """on -> kernel -> stride: each asked only where the one before it has its last value."""
    return Space(
        (
            Decision("on", (False, True)),
            Decision("kernel", (3, 5, 7), ordered=True, condition=Condition("on", (True,))),
            Decision("stride", (1, 2), ordered=True, condition=Condition("kernel", (5, 7))),
            Decision("name", ("x", "y")),
        )
    )

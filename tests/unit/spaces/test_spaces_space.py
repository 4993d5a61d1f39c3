from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from space_strategies import chain, spaces, spaces_with_point

from coexplore.core.errors import SpaceError
from coexplore.core.hashing import content_hash
from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Point, Space, join, part, product


@given(spaces())
def test_size_counts_what_enumerate_yields_and_all_points_differ(space):
    points = list(space.enumerate())
    assert len(points) == space.size == len(set(points))


@given(spaces())
def test_enumerate_is_lexicographic(space):
    rows = [space.indices(point) for point in space.enumerate()]
    assert rows == sorted(rows)


@given(spaces())
def test_enumerate_finds_every_legal_combination(space):
    grid = np.ndindex(*(size + 1 for size in space.sizes))
    candidates = (space.at([index - 1 for index in row]) for row in grid)
    assert sum(point in space for point in candidates) == space.size


@given(spaces(), st.integers(0, 2**32 - 1))
def test_samples_are_in_the_space(space, seed):
    assert all(point in space for point in space.sample(np.random.default_rng(seed), 20))


@given(spaces(), st.integers(0, 2**32 - 1))
def test_sampling_at_once_equals_sampling_one_by_one(space, seed):
    one_by_one = np.random.default_rng(seed)
    assert space.sample(np.random.default_rng(seed), 7) == [space.sample(one_by_one, 1)[0] for _ in range(7)]


def test_each_decision_is_sampled_uniformly():
    points = chain().sample(np.random.default_rng(0), 12_000)
    active = [point["kernel"] for point in points if point["on"]]
    assert len(active) == pytest.approx(6000, rel=0.05)
    assert [active.count(kernel) for kernel in (3, 5, 7)] == pytest.approx([2000] * 3, rel=0.1)


@given(spaces_with_point())
def test_a_point_survives_assignment(case):
    space, point = case
    again = space.point(dict(point))
    assert again == point
    assert content_hash(again) == content_hash(point)
    assert hash(again) == hash(point)


@given(spaces_with_point())
def test_a_point_survives_pickling(case):
    space, point = case
    assert pickle.loads(pickle.dumps(point)) in pickle.loads(pickle.dumps(space))


@given(spaces_with_point())
def test_neighbours_are_other_points_of_the_space(case):
    space, point = case
    near = space.neighbours(point)
    assert all(other in space for other in near)
    assert point not in near
    assert len(set(near)) == len(near)


@given(spaces_with_point())
def test_neighbours_are_symmetric_where_the_same_decisions_are_active(case):
    space, point = case
    for other in space.neighbours(point):
        if other.keys() == point.keys():
            assert point in space.neighbours(other)


def test_a_neighbour_is_drawn_from_all_neighbours():
    space = Space((Decision("kind", ("a", "b", "c")), Decision("size", (1, 2, 4), ordered=True)))
    point, rng = space.point({"kind": "b", "size": 2}), np.random.default_rng(0)
    drawn = [space.neighbour(point, rng) for _ in range(400)]
    near = space.neighbours(point)
    assert set(drawn) == set(near)
    assert min(drawn.count(other) for other in near) > 400 / len(near) / 2
    assert Space((Decision("only", (1,)),)).neighbour(Space((Decision("only", (1,)),)).point({"only": 1}), rng) is None


def test_neighbours_without_conditions_are_all_points_one_choice_away():
    space = Space((Decision("size", (1, 2, 4, 8), ordered=True), Decision("kind", ("a", "b", "c"))))
    near = [tuple(point.values()) for point in space.neighbours(space.point({"size": 4, "kind": "b"}))]
    assert near == [(2, "b"), (8, "b"), (4, "a"), (4, "c")]


def test_a_neighbour_drops_what_it_switches_off_and_starts_what_it_switches_on():
    space = chain()
    off = space.point({"on": False, "name": "x"})
    on = space.point({"on": True, "kernel": 5, "stride": 2, "name": "x"})
    assert space.point({"on": True, "kernel": 3, "name": "x"}) in space.neighbours(off)
    assert off in space.neighbours(on)
    assert space.point({"on": True, "kernel": 7, "stride": 2, "name": "x"}) in space.neighbours(on)


@given(spaces_with_point())
def test_repeated_neighbours_reach_every_point(case):
    space, point = case
    seen, todo = {point}, [point]
    while todo:
        fresh = set(space.neighbours(todo.pop())) - seen
        seen |= fresh
        todo.extend(fresh)
    assert len(seen) == space.size


@given(spaces(3), spaces(3))
def test_size_of_a_product_is_the_product_of_sizes(a, b):
    joint = product(network=a, accelerator=b)
    assert joint.size == a.size * b.size == len(list(joint.enumerate()))


@given(spaces_with_point(3), spaces_with_point(3))
def test_part_undoes_join(a, b):
    joint = join(network=a[1], accelerator=b[1])
    assert joint in product(network=a[0], accelerator=b[0])
    assert part(joint, "network") == a[1]
    assert part(joint, "accelerator") == b[1]


@given(spaces(3), spaces(3))
def test_join_undoes_part(a, b):
    joint = product(x=a, y=b)
    for point in joint.enumerate():
        assert join(x=part(point, "x"), y=part(point, "y")) == point


def test_products_nest():
    inner = product(a=chain(), b=chain())
    point = next(product(outer=inner, other=chain()).enumerate())
    assert part(part(point, "outer"), "b") in chain()


def test_a_prefix_that_begins_like_another_does_not_leak():
    point = join(net=Point((("a", 1),)), network=Point((("a", 2),)))
    assert part(point, "net") == Point((("a", 1),))


def test_the_empty_space_has_one_point():
    assert Space().size == 1
    assert list(Space().enumerate()) == [Point()]
    assert Space().sample(np.random.default_rng(0), 2) == [Point(), Point()]
    assert Space().neighbours(Point()) == []
    assert Point() in Space()


def test_sizes_beyond_64_bits_are_exact():
    space = Space(tuple(Decision(f"d{number}", tuple(range(7))) for number in range(60)))
    assert space.size == 7**60


def test_size_of_a_chain_by_hand():
    # off: 1; on: kernel 3 alone, kernels 5 and 7 with two strides each; all times two names
    assert chain().size == (1 + (1 + 2 * 2)) * 2


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ({"on": False}, r"'name' has no value; legal are 'x', 'y'"),
        ({"on": True, "kernel": 4, "name": "x"}, r"'kernel' cannot be 4; legal are 3, 5, 7"),
        ({"on": False, "kernel": 3, "name": "x"}, r"'kernel' has a value but is inactive.*set 'on' to one of True"),
        ({"on": False, "stride": 1, "name": "x"}, r"'stride' has a value but is inactive"),
        ({"on": False, "nam": "x"}, r"no decision 'nam' in this space; did you mean 'name'"),
        ({"on": 1, "name": "x"}, r"'on' cannot be 1; legal are False, True"),
    ],
)
def test_illegal_assignments_are_refused_by_name(assignment, message):
    with pytest.raises(SpaceError, match=message):
        chain().point(assignment)


def test_a_point_takes_the_values_as_the_decision_writes_them():
    space = Space((Decision("mb", (0.5, 1, 2.0), ordered=True),))
    assert type(space.point({"mb": 1.0})["mb"]) is int
    assert type(space.point({"mb": 2})["mb"]) is float


@pytest.mark.parametrize(
    "entries",
    [
        (("on", False),),
        (("on", 0), ("name", "x")),
        (("on", False), ("kernel", 3), ("name", "x")),
        (("name", "x"), ("on", False)),
        (("on", False), ("name", "x"), ("name", "x")),
        (("on", True), ("kernel", 3.0), ("name", "x")),
    ],
)
def test_points_made_by_hand_are_in_the_space_only_if_it_would_make_them(entries):
    assert Point(entries) not in chain()


def test_what_is_no_point_is_in_no_space():
    assert {"on": False, "name": "x"} not in chain()


def test_points_of_different_types_of_one_value_have_different_content():
    assert content_hash(Point((("a", 1),))) != content_hash(Point((("a", True),)))


def test_a_point_cannot_be_changed():
    with pytest.raises(AttributeError):
        Point().entries = (("a", 1),)


def test_condition_holds_for_a_parent_value_written_with_another_number_type():
    space = Space((Decision("mb", (1.0, 2.0)), Decision("x", (1,), condition=Condition("mb", (2,)))))
    assert "x" in space.point({"mb": 2, "x": 1})
    assert space.size == 2

"""A step of a knob is the difference of two accelerators; a looser limit is the least one that helps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.core.errors import ConfigError
from coexplore.cost.candidates import Candidates
from coexplore.cost.exact_hardware import Best, best_accelerators
from coexplore.cost.shadow import EDGE_ARRAY_UNITS, End, Unit, knob_ranges, looser_limits, steps
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Space

SPACE = Space((Decision("x", (1, 2, 4), ordered=True), Decision("kind", ("a", "b")), Decision("mb", (0.5, 1.0), True)))
POINTS = list(SPACE.enumerate())
LATENCY = Objective("latency_s", Direction.MINIMIZE)


def candidates():
    latency = np.array([8 / p["x"] + (1 if p["kind"] == "b" else 0) for p in POINTS])
    energy = np.array([10 - 4 * p["mb"] for p in POINTS])
    area = np.array([3.0 * p["x"] + p["mb"] for p in POINTS])
    return Candidates(latency, energy, area)


def place(**values):
    return POINTS.index(SPACE.point(values))


def test_steps_are_differences_to_the_neighbours():
    units = {"mb": Unit("KB", lambda point: 1024 * float(point["mb"]))}
    found = steps(SPACE, POINTS, candidates(), place(x=2, kind="a", mb=0.5), units)
    assert [(s.knob, s.before, s.after, s.unit) for s in found] == [
        ("x", 2, 1, "x"), ("x", 2, 4, "x"), ("kind", "a", "b", ""), ("mb", 0.5, 1.0, "KB"),
    ]  # fmt: skip
    down, up, kind, memory = found
    assert (down.change.latency_s, down.per_unit.latency_s) == (4.0, -4.0)
    assert (up.change.latency_s, up.per_unit.latency_s, up.per_unit.area_mm2) == (-2.0, -1.0, 3.0)
    assert (kind.change.latency_s, kind.per_unit) == (1.0, None)
    assert (memory.change.energy_j, memory.per_unit.energy_j, memory.per_unit.area_mm2) == (-2.0, -2 / 512, 0.5 / 512)
    assert all(POINTS[step.index][step.knob] == step.after for step in found)


def test_a_neighbour_that_cannot_run_or_was_not_priced_is_said_or_left_out():
    costs = candidates()
    costs.latency_s[place(x=4, kind="a", mb=0.5)] = np.inf
    found = steps(SPACE, POINTS, costs, place(x=2, kind="a", mb=0.5))
    assert [(s.knob, s.after) for s in found if not s.runs] == [("x", 4)]
    some = [index for index, point in enumerate(POINTS) if point["x"] < 4]
    fewer = Candidates(costs.latency_s[some], costs.energy_j[some], costs.area_mm2[some])
    points = [POINTS[index] for index in some]
    found = steps(SPACE, points, fewer, points.index(SPACE.point({"x": 2, "kind": "a", "mb": 0.5})))
    assert [(s.knob, s.after) for s in found] == [("x", 1), ("kind", "b"), ("mb", 1.0)]


def test_steps_begin_where_the_network_runs():
    costs = candidates()
    costs.latency_s[0] = np.inf
    with pytest.raises(ConfigError, match="accelerator 0 does not run"):
        steps(SPACE, POINTS, costs, 0)
    with pytest.raises(ConfigError, match="points: 3 for 12"):
        steps(SPACE, POINTS[:3], costs, 1)


def test_ranges_say_where_the_optimum_and_the_front_lie():
    front = np.array([place(x=1, kind="a", mb=1.0), place(x=2, kind="a", mb=1.0), place(x=4, kind="b", mb=1.0)])
    x, memory = knob_ranges(SPACE, POINTS, int(front[1]), front)
    assert (x.knob, x.end, x.low_share, x.high_share) == ("x", End.INSIDE, 1 / 3, 1 / 3)
    assert (memory.knob, memory.end, memory.low_share, memory.high_share) == ("mb", End.HIGH, 0.0, 1.0)
    assert knob_ranges(SPACE, POINTS, int(front[0]), front)[0].end is End.LOW


def test_a_looser_limit_names_the_next_better_accelerator():
    found = looser_limits(candidates(), LATENCY, [Constraint("area_mm2", at_most=8.0), Constraint("energy_j", 8.5)])
    (area,) = found
    assert area.constraint == Constraint("area_mm2", at_most=12.5)
    assert area.index == place(x=4, kind="a", mb=0.5)
    assert area.change.latency_s == -2.0


def test_both_sides_of_a_limit_may_give():
    costs = Candidates(np.array([3.0, 1.0, 2.0]), np.ones(3), np.array([5.0, 2.0, 9.0]))
    lower, upper = sorted(
        looser_limits(costs, LATENCY, [Constraint("area_mm2", at_most=6.0, at_least=4.0)]), key=lambda c: c.index
    )
    assert (lower.constraint, lower.index) == (Constraint("area_mm2", at_most=6.0, at_least=2.0), 1)
    assert (upper.constraint, upper.index) == (Constraint("area_mm2", at_most=9.0, at_least=4.0), 2)


BOUNDS = st.sampled_from([1.0, 2.0, 3.0])


@given(arrays(np.float64, (3, 8), elements=st.sampled_from([1.0, 2.0, 3.0, 4.0])), BOUNDS, BOUNDS)
def test_a_looser_limit_is_the_least_that_helps(rows, most_area, most_energy):
    costs = Candidates(*rows)
    limits = [Constraint("area_mm2", at_most=most_area), Constraint("energy_j", at_most=most_energy)]
    before = best_accelerators(costs, LATENCY, limits)
    found = {limit.constraint.metric: limit for limit in looser_limits(costs, LATENCY, limits)}
    if not isinstance(before, Best):
        assert found == {}
        return
    for position, limit in enumerate(limits):
        better = None
        for bound in (1.0, 2.0, 3.0, 4.0):
            wider = [*limits]
            wider[position] = Constraint(limit.metric, at_most=bound)
            after = best_accelerators(costs, LATENCY, wider)
            if bound > limit.at_most and costs.latency_s[after.index] < costs.latency_s[before.index]:
                better = bound, after.index
                break
        got = found.get(limit.metric)
        assert (got and (got.constraint.at_most, got.index)) == better


def test_the_units_of_the_edge_array_name_its_knobs():
    family = EdgeArray()
    assert set(EDGE_ARRAY_UNITS) == set(family.space.names)
    baseline = family.presets["baseline"]
    amounts = {name: unit.amount(baseline) for name, unit in EDGE_ARRAY_UNITS.items()}
    assert amounts["pes_x"] == amounts["pes_y"] == 16
    assert amounts["local_memory_mb"] == 2048

"""The best accelerator is the best of all, ties go one way, and where there is none the reason is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coexplore.core.errors import ConfigError
from coexplore.cost.candidates import CHIP, BlockedOp, Candidates
from coexplore.cost.exact_hardware import Best, Infeasible, best_accelerators
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective, feasibility

INF = np.inf
LATENCY = Objective("latency_s", Direction.MINIMIZE)
VALUES = st.sampled_from([1.0, 2.0, 3.0, 4.0])


@st.composite
def all_candidates(draw, least=1):
    n = draw(st.integers(least, 12))
    latency, energy, area = (draw(arrays(np.float64, n, elements=VALUES)) for _ in range(3))
    blocked = draw(arrays(np.bool_, n))
    latency[blocked], energy[blocked] = INF, INF
    return Candidates(latency, energy, area)


OBJECTIVES = st.builds(Objective, st.sampled_from(CHIP), st.sampled_from([Direction.MINIMIZE, Direction.MAXIMIZE]))
CONSTRAINTS = st.lists(
    st.one_of(
        st.builds(Constraint, st.sampled_from(CHIP), at_most=st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0])),
        st.builds(Constraint, st.sampled_from(CHIP), at_least=st.sampled_from([0.0, 0.5, 2.0, 5.0])),
    ),
    max_size=3,
)


def by_brute_force(candidates, objective, constraints):
    """One accelerator after the other, by the rules of a study."""
    ranked = []
    for index in np.flatnonzero(candidates.runs).tolist():
        metrics = candidates.metrics(index)
        if feasibility(constraints, metrics).feasible:
            order = tuple(metrics[name] for name in ("energy_j", "area_mm2", "latency_s"))
            ranked.append((objective.loss(metrics), *order, index))
    return min(ranked)[-1] if ranked else None


@given(all_candidates(), OBJECTIVES, CONSTRAINTS)
def test_the_best_is_that_of_brute_force(candidates, objective, constraints):
    found = best_accelerators(candidates, objective, constraints)
    expected = by_brute_force(candidates, objective, constraints)
    assert (found.index if isinstance(found, Best) else None) == expected


@given(all_candidates(least=2), OBJECTIVES, CONSTRAINTS)
def test_one_more_accelerator_never_makes_the_best_worse(candidates, objective, constraints):
    rows = (candidates.latency_s, candidates.energy_j, candidates.area_mm2)
    before = best_accelerators(Candidates(*(row[:-1] for row in rows)), objective, constraints)
    after = best_accelerators(candidates, objective, constraints)
    if isinstance(before, Best):
        assert isinstance(after, Best)
        losses = candidates.losses(objective)
        assert losses[after.index] <= losses[before.index]


@given(all_candidates(), OBJECTIVES, CONSTRAINTS)
def test_the_nearest_misses_least_of_all(candidates, objective, constraints):
    found = best_accelerators(candidates, objective, constraints)
    if not isinstance(found, Infeasible):
        return
    running = np.flatnonzero(candidates.runs).tolist()
    if not running:
        assert found.nearest is None
        return
    worst = [max(c.violation(candidates.metrics(index)) for c in constraints) for index in running]
    assert found.nearest in running
    assert worst[running.index(found.nearest)] == min(worst)
    metrics = candidates.metrics(found.nearest)
    assert dict(found.excess_share) == {c: c.violation(metrics) for c in constraints if c.violation(metrics) > 0}
    for limit in found.limits:
        met = [index for index in running if limit.constraint.violation(candidates.metrics(index)) == 0]
        assert limit.met_by == len(met)


@given(all_candidates(), OBJECTIVES, CONSTRAINTS)
def test_the_front_holds_a_best_one_of_every_kind(candidates, objective, constraints):
    found = best_accelerators(candidates, objective, constraints)
    if isinstance(found, Best):
        feasible = [
            i for i in np.flatnonzero(candidates.runs) if feasibility(constraints, candidates.metrics(i)).feasible
        ]
        assert found.feasible == len(feasible)
        assert set(found.front) <= set(feasible)
        for name in ("latency_s", "energy_j", "edp_js", "area_mm2"):
            values = candidates.metric(name)
            assert values[found.front].min() == values[feasible].min()


def test_ties_go_to_energy_then_area_then_latency_then_the_first():
    rows = [(1, 2, 2), (1, 1, 3), (1, 1, 2), (1, 1, 2), (2, 1, 1)]
    candidates = Candidates(*np.array(rows, float).T)
    found = best_accelerators(candidates, LATENCY)
    assert (found.index, found.equal.tolist(), found.front.tolist()) == (2, [2, 3], [2, 4])
    assert best_accelerators(candidates, Objective("energy_j", Direction.MINIMIZE)).index == 4


def test_an_op_that_blocks_everything_is_named_with_its_reason():
    blocked = (BlockedOp("net/conv1", 2, "on chip, level 'file' needs 9 bytes and holds 8"), BlockedOp("net/fc", 1))
    found = best_accelerators(Candidates(np.full(2, INF), np.full(2, INF), np.ones(2), blocked), LATENCY)
    assert found.reason == (
        "none of 2 accelerators runs the network; op 'net/conv1' cannot run on 2: on chip, level 'file' needs 9 bytes "
        "and holds 8 (and 1 more ops on some)"
    )
    assert found.nearest is None


def test_a_limit_that_none_meets_is_named_with_the_factor():
    candidates = Candidates(np.array([2.0, 4.0]), np.array([4.0, 2.0]), np.array([1.0, 1.0]))
    found = best_accelerators(candidates, LATENCY, [Constraint("latency_s", at_most=1.6), Constraint("area_mm2", 5)])
    assert found.reason == "none of 2 accelerators meets latency_s <= 1.6: the nearest has 2, 1.25 times the limit"
    assert (found.nearest, [limit.met_by for limit in found.limits]) == (0, [0, 2])


def test_limits_that_exclude_each_other_are_counted():
    candidates = Candidates(np.array([2.0, 4.0, INF]), np.array([4.0, 2.0, INF]), np.array([1.0, 1.0, 1.0]))
    limits = [Constraint("latency_s", at_most=2.0), Constraint("energy_j", at_most=3.5)]
    found = best_accelerators(candidates, LATENCY, limits)
    assert found.reason == (
        "each limit is met by some of the 2 of 3 that run it, but all by none "
        "(latency_s <= 2 by 1, energy_j <= 3.5 by 1)"
    )
    assert (found.nearest, found.excess_share) == (0, ((limits[1], 0.5 / 3.5),))


@pytest.mark.parametrize("bound", [0.0, 5e-324, 1e-300, 1.0, 3e300])
def test_the_next_number_beyond_a_bound_is_beyond_it(bound):
    candidates = Candidates(np.array([np.nextafter(bound, INF)]), np.ones(1), np.ones(1))
    assert isinstance(best_accelerators(candidates, LATENCY, [Constraint("latency_s", at_most=bound)]), Infeasible)


def test_a_bound_that_is_missed_by_more_than_any_number_is_missed():
    candidates = Candidates(np.array([1e10]), np.ones(1), np.ones(1))
    found = best_accelerators(candidates, LATENCY, [Constraint("latency_s", at_most=5e-324)])
    assert found.limits[0].excess_share == INF


def test_an_unknown_metric_is_refused_and_others_can_be_given():
    rows = (np.array([1.0, 2.0]), np.ones(2), np.ones(2))
    utilisation = Objective("utilisation", Direction.MAXIMIZE)
    with pytest.raises(ConfigError, match="'utilisation' is not known"):
        best_accelerators(Candidates(*rows), utilisation)
    known = Candidates(*rows, others=(("utilisation", np.array([0.25, 0.5])),))
    assert best_accelerators(known, utilisation).index == 1


def test_no_accelerator_and_lengths_that_differ_are_refused():
    with pytest.raises(ConfigError, match="no accelerator to choose from"):
        best_accelerators(Candidates(np.ones(0), np.ones(0), np.ones(0)), LATENCY)
    with pytest.raises(ConfigError, match=r"metrics of \[1, 2\] accelerators"):
        Candidates(np.ones(1), np.ones(1), np.ones(2))

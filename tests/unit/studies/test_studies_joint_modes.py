"""Joint is at least fixed and at least phase: whatever the baseline, whatever accelerator a first phase chooses.

Both are cases of one theorem, that the joint optimum is at least that of any one accelerator within the limits. It is
checked on fronts with invented prices, from accuracies and totals of single accelerators that no front is used for.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joint_tables import invented_tables

from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.studies.joint_front import joint_front
from coexplore.studies.joint_optimum import Missed, Optimum, optimum

ENERGY = Objective("energy_j", Direction.MINIMIZE)
LARGEST = 4.0


def joint_best(accuracy, tables, limits, objective=None):
    """Accuracy or least energy of the joint optimum; None where no pair is legal."""
    front = joint_front(accuracy, tables, LARGEST).front
    if not len(front):
        return None
    found = optimum(front, limits) if objective is None else optimum(front, limits, objective)
    if isinstance(found, Missed):
        return None
    assert isinstance(found, Optimum)
    return float((front.accuracy if objective is None else front.energy_j)[found.design])


def single(accuracy, tables, target):
    """For every accelerator within the area, by hand: best accuracy, and least energy at that accuracy."""
    for table in tables:
        for column in np.flatnonzero(table.area_mm2 <= LARGEST):
            latency, energy = (total[:, 0] for total in table.on(np.array([column])).totals(np.arange(len(accuracy))))
            legal = latency <= target
            if legal.any():
                best = accuracy[legal].max()
                yield int(table.places[column]), float(best), float(energy[legal & (accuracy >= best)].min())


def targets(tables, share):
    totals = np.concatenate([table.totals(np.arange(len(table.counts)))[0].ravel() for table in tables])
    return float(np.median(totals[np.isfinite(totals)])) * share


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.1, 2.0), parts=st.integers(1, 3))
def test_joint_is_at_least_what_any_one_accelerator_gives(seed, share, parts):
    accuracy, tables = invented_tables(seed, networks=10, accelerators=9, parts=parts)
    target = targets(tables, share)
    limit = Constraint("latency_s", at_most=target)
    joint = joint_best(accuracy, tables, [limit])
    alone = list(single(accuracy, tables, target))
    assert (joint is None) == (not alone)
    for _, best, energy in alone:
        assert joint >= best
        assert joint_best(accuracy, tables, [limit, Constraint("accuracy", at_least=best)], ENERGY) <= energy
    if alone:
        assert joint == max(best for _, best, _ in alone)


def test_the_comparison_fails_where_the_best_accelerator_is_missing():
    """A front that leaves out what it should not is caught: for some baseline, joint is then worse than fixed."""
    caught = 0
    for seed in range(40):
        accuracy, tables = invented_tables(seed, networks=10, accelerators=9)
        target = targets(tables, 0.5)
        alone = {place: best for place, best, _ in single(accuracy, tables, target)}
        top = max(alone.values(), default=0.0)
        worse = [place for place in range(9) if alone.get(place, 0.0) < top]
        some = [table.on(np.flatnonzero(np.isin(table.places, worse))) for table in tables]
        joint = joint_best(accuracy, some, [Constraint("latency_s", at_most=target)])
        caught += top > (joint or 0.0)
    assert caught > 20


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_larger_space_of_accelerators_never_loses(share):
    for seed in range(30):
        accuracy, tables = invented_tables(seed, networks=10, accelerators=9)
        limit = [Constraint("latency_s", at_most=targets(tables, share))]
        half = [table.on(np.arange(5)) for table in tables]
        assert (joint_best(accuracy, half, limit) or 0.0) <= (joint_best(accuracy, tables, limit) or 0.0)

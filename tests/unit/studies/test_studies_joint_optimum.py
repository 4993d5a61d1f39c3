"""The optimum under limits is that of all pairs; where there is none, the closest of all pairs is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joint_tables import invented_tables

from coexplore.core.errors import ConfigError
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.studies.joint_front import joint_front
from coexplore.studies.joint_optimum import Missed, Optimum, optimum, why_unordered
from coexplore.testing.joint_oracle import all_pairs

ENERGY = Objective("energy_j", Direction.MINIMIZE)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.01, 1.5), other=st.floats(0.01, 2.0))
def test_the_optimum_is_that_of_all_pairs(seed, share, other):
    accuracy, tables = invented_tables(seed, networks=8, accelerators=9)
    pairs = all_pairs(accuracy, tables, 4.0)
    front = joint_front(accuracy, tables, 4.0).front
    if not pairs:
        assert len(front) == 0
        return
    latency, energy = (np.median([getattr(pair, name) for pair in pairs]) for name in ("latency_s", "energy_j"))
    limits = [Constraint("latency_s", at_most=latency * share), Constraint("energy_j", at_most=energy * other)]

    def excess(pair):
        return max(pair.latency_s / limits[0].at_most, pair.energy_j / limits[1].at_most, 1.0) - 1.0

    found = optimum(front, limits)
    legal = [pair for pair in pairs if pair.latency_s <= latency * share and pair.energy_j <= energy * other]
    if legal:
        best = min(legal, key=lambda p: (-p.accuracy, p.energy_j, p.latency_s, p.area_mm2, p.network, p.accelerator))
        assert isinstance(found, Optimum)
        chosen = (front.network[found.design], front.accelerator[found.design])
        assert chosen == (best.network, best.accelerator)
        least = optimum(front, limits, ENERGY)
        assert front.energy_j[least.design] == min(pair.energy_j for pair in legal)
    else:
        assert isinstance(found, Missed)
        assert found.broken[0][1] == pytest.approx(min(map(excess, pairs)), rel=1e-9)
        assert f"{limits[0].metric} of " in found.reason or f"{limits[1].metric} of " in found.reason


def test_what_a_front_cannot_answer_is_refused():
    front = joint_front(*invented_tables(2)).front
    for limit in (Constraint("latency_s", at_least=1.0), Constraint("power_w", at_most=1.0)):
        with pytest.raises(ConfigError, match=limit.metric):
            optimum(front, [limit])
    assert why_unordered([Objective("macs", Direction.MINIMIZE)], [])
    assert not why_unordered([ENERGY], [Constraint("accuracy", at_least=0.5)])


def test_an_empty_front_has_no_optimum():
    accuracy, tables = invented_tables(1)
    with pytest.raises(ConfigError, match="no design"):
        optimum(joint_front(accuracy, tables, 0.5).front, [])

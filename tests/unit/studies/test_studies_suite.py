"""The accelerator of a suite is the best of all, for the best networks it could have; nonsense is refused by name."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joint_tables import invented_tables

from coexplore.core.errors import ConfigError
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.studies import suite_members as module
from coexplore.studies.suite import Member, best_for_suite
from coexplore.testing.joint_oracle import all_pairs

ACCELERATORS = 9


def member(seed, name, fixed=False, weight=1.0, limits=()):
    accuracy, (table,) = invented_tables(seed, networks=5, accelerators=ACCELERATORS)
    table = table.of(np.array([0])) if fixed else table
    return Member(name, (table,), None if fixed else accuracy, weight, tuple(limits))


def same_area(members):
    """The area is that of the first."""
    for one in members[1:]:
        one.tables[0].area_mm2[:] = members[0].tables[0].area_mm2
    return members


def by_hand(members, most_mm2):
    """Accuracy, energy, area and latency of the best accelerator, from every choice of networks on each."""
    pairs = [all_pairs([0.0] if m.accuracy is None else m.accuracy.tolist(), [*m.tables], math.inf) for m in members]
    total = math.fsum(m.weight for m in members)
    free = math.fsum(m.weight for m in members if m.accuracy is not None)
    found = []
    for place in range(ACCELERATORS):
        legal = [
            [p for p in own if p.accelerator == place and all(getattr(p, c.metric) <= c.at_most for c in m.limits)]
            for m, own in zip(members, pairs, strict=True)
        ]
        for chosen in itertools.product(*legal):
            if chosen[0].area_mm2 > most_mm2:
                continue
            accuracy = sum(m.weight * p.accuracy for m, p in zip(members, chosen, strict=True)) / (free or 1.0)
            energy, latency = (
                sum(m.weight * getattr(p, name) for m, p in zip(members, chosen, strict=True)) / total
                for name in ("energy_j", "latency_s")
            )
            # Each member takes its most accurate legal network, whatever its weight.
            own = [-p.accuracy for p in chosen]
            found.append((-accuracy, energy, chosen[0].area_mm2, latency, own))
    best = min(found, default=None)
    return None if best is None else best[:4]


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), fixed=st.booleans(), share=st.floats(0.2, 1.5), most=st.sampled_from((2.0, 5.0)))
def test_the_accelerator_is_the_best_of_all(seed, fixed, share, most):
    limit = Constraint("latency_s", at_most=share * 10)
    members = same_area([member(seed, "one", weight=2.0, limits=[limit]), member(seed + 1, "two", fixed)])
    expected = by_hand(members, most)
    if not any(np.isfinite(m.tables[0].latency_s).all(axis=0).any() for m in members):
        return
    found = best_for_suite(members, [Constraint("area_mm2", at_most=most)])
    assert found.feasible is (expected is not None)
    if expected is not None:
        ours = (-found.metrics["accuracy"], *(found.metrics[name] for name in ("energy_j", "area_mm2", "latency_s")))
        assert ours[0] == pytest.approx(expected[0], rel=1e-12)
        assert ours[1:3] == pytest.approx(expected[1:3], rel=1e-12)
    else:
        assert found.broken[0].excess_share > 0
        assert "no accelerator meets all limits" in found.reason


def test_fixed_networks_alone_are_chosen_by_a_cost():
    members = same_area([member(3, "one", fixed=True, weight=3.0), member(4, "two", fixed=True)])
    fastest = best_for_suite(members, objective=Objective("latency_s", Direction.MINIMIZE))
    pairs = [all_pairs([0.0], [*m.tables], math.inf) for m in members]
    means = [(3 * a.latency_s + b.latency_s) / 4 for a in pairs[0] for b in pairs[1] if a.accelerator == b.accelerator]
    assert fastest.metrics["latency_s"] == pytest.approx(min(means), rel=1e-12)
    assert "accuracy" not in fastest.metrics
    assert best_for_suite(members).metrics["energy_j"] <= fastest.metrics["energy_j"]


def test_a_member_without_weight_has_only_limits():
    one = member(7, "one", fixed=True)
    tight = min(p.latency_s for p in all_pairs([0.0], [member(8, "two", fixed=True).tables[0]], math.inf))
    two = member(8, "two", fixed=True, weight=0.0, limits=[Constraint("latency_s", at_most=tight)])
    found = best_for_suite(same_area([one, two]))
    assert found.members[1].metrics["latency_s"] == tight
    assert found.metrics["energy_j"] == found.members[0].metrics["energy_j"]


def test_blocks_change_nothing(monkeypatch):
    members = same_area([member(11, "one"), member(12, "two", limits=[Constraint("energy_j", at_most=6.0)])])
    whole = best_for_suite(members)
    monkeypatch.setattr(module, "BLOCK_BYTES", 1)
    assert best_for_suite(members) == whole


def test_the_nearest_is_named_with_its_gap():
    limits = [Constraint("latency_s", at_most=1e-3)]
    members = same_area([member(5, "camera", fixed=True, limits=limits), member(6, "voice", fixed=True)])
    found = best_for_suite(members, [Constraint("area_mm2", at_most=1e-3)])
    least = min(p.latency_s for p in all_pairs([0.0], [*members[0].tables], math.inf))
    assert not found.feasible
    assert {broken.member for broken in found.broken} == {"camera", ""}
    assert max(b.excess_share for b in found.broken) >= least / 1e-3 - 1 - 1e-9
    assert "of camera by" in found.reason
    assert "of the suite by" in found.reason


@pytest.mark.parametrize(("make", "message"), [
    (lambda: best_for_suite([]), "no members"),
    (lambda: best_for_suite([member(1, "a", weight=0.0), member(2, "b", weight=0.0)]), "every weight is 0"),
    (lambda: best_for_suite([member(1, "a"), member(2, "a")]), "two members 'a'"),
    (lambda: member(1, "a", weight=-1.0), "suite.a.weight"),
    (lambda: member(1, "a", weight=math.nan), "suite.a.weight"),
    (lambda: member(1, "a", limits=[Constraint("latency_s", at_least=1.0)]), "suite.a.limits"),
    (lambda: member(1, "a", limits=[Constraint("area_mm2", at_most=1.0)]), "limit it for the suite"),
    (lambda: member(1, "a", fixed=True, limits=[Constraint("accuracy", at_least=0.5)]), "no accuracies"),
    (lambda: best_for_suite([member(1, "a", fixed=True)], [Constraint("accuracy", at_least=0.1)]), "leave it out"),
    (lambda: best_for_suite([member(1, "a")], [Constraint("power_w", at_most=0.1)]), "power_w"),
], ids=range(10))  # fmt: skip
def test_nonsense_is_refused_by_name(make, message):
    with pytest.raises(ConfigError, match=message):
        make()

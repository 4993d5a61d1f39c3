"""The joint front is what comparing every pair with every other gives, to the last bit and the last tie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joint_tables import invented_tables

from coexplore.core.errors import EvaluationError
from coexplore.studies import joint_front as module
from coexplore.studies.joint_front import joint_front
from coexplore.testing.joint_oracle import all_pairs, front_by_hand


def rows(front):
    return list(zip(front.accuracy.tolist(), front.latency_s.tolist(), front.energy_j.tolist(), front.area_mm2.tolist(),
                    front.network.tolist(), front.accelerator.tolist(), front.equal.tolist(), strict=True))  # fmt: skip


def rows_by_hand(accuracy, tables, largest, with_area):
    found = front_by_hand(all_pairs(accuracy, tables, largest), with_area)
    return [(p.accuracy, p.latency_s, p.energy_j, p.area_mm2, p.network, p.accelerator, n) for p, n in found]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), parts=st.integers(1, 3), largest=st.sampled_from((2.0, 4.0, np.inf)),
       with_area=st.booleans())  # fmt: skip
def test_the_front_is_that_of_all_pairs(seed, parts, largest, with_area):
    accuracy, tables = invented_tables(seed, parts=parts)
    proof = joint_front(accuracy, tables, largest, with_area=with_area)
    assert rows(proof.front) == rows_by_hand(accuracy, tables, largest, with_area)
    assert proof.pairs == 12 * 14
    assert proof.evaluated == proof.networks * proof.accelerators <= proof.pairs


def test_blocks_change_nothing(monkeypatch):
    accuracy, tables = invented_tables(3, networks=40, accelerators=60, parts=2)
    whole = joint_front(accuracy, tables)
    monkeypatch.setattr(module, "BLOCK_BYTES", 1)
    monkeypatch.setattr(module, "TIE_ROWS", 1)
    assert rows(joint_front(accuracy, tables).front) == rows(whole.front)
    assert len(whole.front) > 3


def test_nothing_within_the_area_is_an_empty_front():
    accuracy, tables = invented_tables(1)
    proof = joint_front(accuracy, tables, 0.5)
    assert len(proof.front) == proof.evaluated == 0
    assert proof.pairs == 12 * 14


def test_an_op_that_no_network_runs_does_not_keep_accelerators():
    accuracy, (table,) = invented_tables(5)
    table.counts[:, 0] = 0
    table.latency_s[0] = np.inf
    front = joint_front(accuracy, [table]).front
    assert rows(front) == rows_by_hand(accuracy, [table], np.inf, False)
    assert len(front) > 0


def test_every_network_needs_an_accuracy():
    accuracy, tables = invented_tables(1)
    with pytest.raises(EvaluationError, match="11 accuracies for tables of 12"):
        joint_front(accuracy[:-1], tables)
    with pytest.raises(EvaluationError, match="network 3 is nan"):
        joint_front(np.where(np.arange(12) == 3, np.nan, accuracy), tables)

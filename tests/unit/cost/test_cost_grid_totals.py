"""Totals are the true sums, rounded once, whatever the order, the blocks and the threads."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coexplore.core.errors import WorkloadError
from coexplore.cost import totals
from coexplore.cost.totals import exact_totals

COSTS = st.floats(1e-12, 1e3) | st.just(0.0)
WILD = st.floats(0, 1e60) | st.floats(-1e30, 1e30) | st.floats(0, 1e-300)


def true_totals(counts, table):
    """The slow twin: rational numbers."""
    return np.array(
        [
            [
                float(sum((int(c) * Fraction(float(x)) for c, x in zip(row, column, strict=True)), Fraction(0)))
                for column in table.T
            ]
            for row in counts
        ]
    ).reshape(counts.shape[0], table.shape[1])


@st.composite
def problems(draw, costs=COSTS, most=200):
    n, o, a = draw(st.integers(1, 3)), draw(st.integers(1, 8)), draw(st.integers(1, 3))
    counts = draw(arrays(np.int64, (n, o), elements=st.integers(0, most)))
    return counts, draw(arrays(np.float64, (o, a), elements=costs))


@given(problems())
def test_totals_are_those_of_fsum_over_all_layers(problem):
    counts, table = problem
    expected = [[math.fsum(np.repeat(column, row)) for column in table.T] for row in counts]
    assert np.array_equal(exact_totals(counts, table), expected)


@settings(max_examples=300)
@given(st.one_of(problems(WILD), problems(WILD, 2**30), problems(COSTS, 2**36)))
def test_totals_are_rational_sums_rounded_once_for_any_range_of_costs(problem):
    counts, table = problem
    assert np.array_equal(exact_totals(counts, table), true_totals(counts, table))


@pytest.mark.parametrize(("count", "spread", "parts"), [(300, 20, 2), (2**20, 30, 3), (2**20, 120, 6)])
def test_every_number_of_parts_is_met_and_exact(count, spread, parts):
    rng = np.random.default_rng(parts)
    table = rng.uniform(1.0, 2.0, (12, 40)) * 2.0 ** -rng.integers(0, spread + 1, (12, 40))
    counts = rng.integers(0, count, (12, 12))
    width = totals._part_bits(counts, table)
    split = totals._split(table, width)
    assert len(split) == parts
    assert np.array_equal(exact_totals(counts, table), true_totals(counts, table))


def test_costs_of_few_bits_need_one_part():
    assert len(totals._split(np.array([[3.0], [1024.0], [0.0]]), 45)) == 1


def test_a_matrix_product_alone_would_not_do():
    rng = np.random.default_rng(0)
    counts, table = rng.integers(0, 9, (50, 60)), rng.uniform(1e-6, 1e-3, (60, 70))
    assert not np.array_equal(counts @ table, true_totals(counts, table))


def test_order_of_ops_networks_and_accelerators_blocks_and_strangers_change_no_bit(monkeypatch):
    rng = np.random.default_rng(1)
    counts, table = rng.integers(0, 30, (70, 40)), 10.0 ** rng.uniform(-9, -2, (40, 90))
    expected = exact_totals(counts, table)
    o, n, a = (rng.permutation(size) for size in (40, 70, 90))
    assert np.array_equal(exact_totals(counts[n][:, o], table[o][:, a]), expected[n][:, a])
    stranger = exact_totals(np.hstack([counts, np.zeros((70, 1), np.int64)]), np.vstack([table, np.full(90, 1e4)]))
    assert np.array_equal(stranger, expected)
    alone = [exact_totals(counts[i : i + 1], table[:, i : i + 1])[0, 0] for i in range(70)]
    assert np.array_equal(alone, expected[np.arange(70), np.arange(70)])
    monkeypatch.setattr(totals, "ROWS", 3)
    monkeypatch.setattr(totals, "COLUMNS", 7)
    assert np.array_equal(exact_totals(counts, table), expected)


def test_infeasible_ops_block_the_networks_that_need_them_and_no_other():
    table = np.array([[1.0, np.inf], [2.0, 3.0]])
    assert np.array_equal(exact_totals(np.array([[0, 2], [1, 0], [0, 0]]), table), [[4, 6], [1, np.inf], [0, 0]])


@pytest.mark.parametrize("shape", [(0, 3, 2), (2, 0, 3), (2, 3, 0)])
def test_nothing_costs_nothing(shape):
    n, o, a = shape
    assert np.array_equal(exact_totals(np.ones((n, o), np.int64), np.ones((o, a))), np.full((n, a), float(o)))


@pytest.mark.parametrize(
    ("counts", "table", "words"),
    [
        (np.array([[1, -2]]), np.ones((2, 1)), r"counts\[0, 1\] is -2"),
        (np.array([[1.5]]), np.ones((1, 1)), "whole number"),
        (np.array([[1, 1]]), np.ones((3, 1)), r"\(1, 2\) and costs \(3, 1\)"),
        (np.array([[1]]), np.array([[1e251]]), "a cost is 1e\\+251"),
        (np.array([[1]]), np.array([[np.nan]]), "op 0 on accelerator 0 is nan"),
        (np.array([[2**62, 2**62, 2**62]]), np.ones((3, 1)), "network 0 has"),
    ],
)
def test_what_cannot_be_added_up_is_named(counts, table, words):
    with pytest.raises(WorkloadError, match=words):
        exact_totals(counts, table)

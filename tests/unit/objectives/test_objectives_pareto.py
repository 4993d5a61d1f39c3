from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pymoo.indicators.hv import HV

from coexplore.objectives.pareto import dominates, hypervolume, non_dominated


def losses(elements, max_n=20):
    shapes = st.tuples(st.integers(0, max_n), st.integers(1, 5))
    return shapes.flatmap(lambda shape: hnp.arrays(np.float64, shape, elements=elements))


COARSE = losses(st.sampled_from([0.0, 1.0, 2.0, 3.0, math.inf]))
FINE = losses(st.floats(0.0, 1.5))


def brute_force_front(rows):
    def beaten(i):
        return any(dominates(row, rows[i]) or (j < i and (row == rows[i]).all()) for j, row in enumerate(rows))

    return [not beaten(i) for i in range(len(rows))]


@given(st.one_of(COARSE, FINE))
def test_front_equals_brute_force(rows):
    assert non_dominated(rows).tolist() == brute_force_front(rows)


@given(COARSE)
def test_every_row_is_on_the_front_or_covered_by_it(rows):
    front = rows[non_dominated(rows)]
    assert all((front <= row).all(axis=1).any() for row in rows)


def test_of_equal_rows_the_first_is_kept():
    assert non_dominated([[2, 1], [1, 2], [2, 1], [1, 2]]).tolist() == [True, True, False, False]
    assert non_dominated([[2, 1, 0], [2, 1, 0]]).tolist() == [True, False]


def test_better_once_and_nowhere_worse_dominates():
    assert dominates([1, 2], [1, 3])
    assert not dominates([1, 2], [1, 2])
    assert not dominates([1, 3], [2, 2])
    assert not dominates([math.inf, 0], [math.inf, 0])


@given(st.one_of(FINE, COARSE))
def test_hypervolume_equals_pymoo(rows):
    reference = np.linspace(1.0, 1.4, rows.shape[1])
    finite = np.where(np.isinf(rows), 9.0, rows)
    inside = finite[(finite < reference).all(axis=1)]
    expected = HV(ref_point=reference)(inside) if len(inside) else 0.0
    assert hypervolume(rows, reference) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("n", "k"), [(200, 2), (120, 3), (60, 4), (40, 5), (25, 6)])
def test_hypervolume_of_a_large_front_equals_pymoo(n, k):
    rows = np.random.default_rng(k).dirichlet(np.ones(k), size=n)
    assert hypervolume(rows, np.ones(k)) == pytest.approx(HV(ref_point=np.ones(k))(rows), rel=1e-9)


@given(FINE)
def test_hypervolume_is_that_of_the_front_alone(rows):
    reference = np.ones(rows.shape[1])
    assert hypervolume(rows, reference) == pytest.approx(hypervolume(rows[non_dominated(rows)], reference), rel=1e-12)


@given(FINE, st.integers(0, 99))
def test_another_design_never_lowers_the_hypervolume(rows, seed):
    reference = np.ones(rows.shape[1])
    more = np.vstack([rows, np.random.default_rng(seed).random((1, rows.shape[1]))])
    assert hypervolume(more, reference) >= hypervolume(rows, reference) * (1 - 1e-12)


@pytest.mark.parametrize(
    ("rows", "reference", "volume"),
    [
        ([[1.0]], [3.0], 2.0),
        ([[1.0, 2.0], [2.0, 1.0]], [3.0, 3.0], 3.0),
        ([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]], [2.0, 2.0, 2.0], 5.0),
        ([[3.0, 0.0]], [3.0, 3.0], 0.0),
        ([[math.inf, 0.0]], [3.0, 3.0], 0.0),
        (np.empty((0, 4)), np.ones(4), 0.0),
    ],
)
def test_hypervolume_by_hand(rows, reference, volume):
    assert hypervolume(rows, reference) == pytest.approx(volume)


@pytest.mark.parametrize(
    ("rows", "reference", "message"),
    [
        ([[math.nan, 1.0]], [1.0, 1.0], "NaN"),
        ([[-math.inf, 1.0]], [1.0, 2.0], "infinite"),
        ([[0.0, 1.0]], [1.0, math.inf], "infinite"),
        ([[0.0, 1.0]], [1.0], r"reference has shape \(1,\)"),
        ([0.0, 1.0], [1.0], r"expected \(n, k\)"),
    ],
)
def test_illegal_losses_are_refused(rows, reference, message):
    with pytest.raises(ValueError, match=message):
        hypervolume(rows, reference)


def test_a_hundred_thousand_designs_take_well_under_a_second():
    rows = np.random.default_rng(0).random((100_000, 3))
    start = time.process_time()
    front = rows[non_dominated(rows)]
    hypervolume(front, np.ones(3))
    assert time.process_time() - start < 2.0

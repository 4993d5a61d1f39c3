"""Fronts are those of brute force, and dropping dominated accelerators changes no network's answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coexplore.core.errors import AcceleratorError
from coexplore.cost.front import equals, pareto, undominated
from coexplore.cost.totals import exact_totals
from coexplore.objectives.pareto import non_dominated

COARSE = st.sampled_from([0.0, 1.0, 1.0 + 2**-52, 2.0, 3.0, np.inf])
"""So few values that ties and points that cannot run are common."""
FINE = st.floats(0, 1e3, allow_subnormal=False)


def losses(rows, most=25):
    return st.integers(1, most).flatmap(
        lambda n: st.sampled_from([COARSE, FINE]).flatmap(lambda values: arrays(np.float64, (rows, n), elements=values))
    )


TABLES = st.integers(1, 4).flatmap(lambda ops: losses(2 * ops + 1))


def split(table):
    ops = len(table) // 2
    return table[:ops], table[ops : 2 * ops], table[-1]


def by_brute_force(table):
    """Column by column: kept unless another is nowhere worse and better somewhere, or the same and earlier."""
    kept = []
    for one in range(table.shape[1]):
        beaten = False
        for other in range(table.shape[1]):
            if (table[:, other] <= table[:, one]).all():
                beaten |= bool((table[:, other] < table[:, one]).any()) or other < one
        if not beaten:
            kept.append(one)
    return kept


@given(losses(3))
def test_the_front_is_that_of_brute_force(table):
    runs = np.flatnonzero(np.isfinite(table).all(axis=0))
    assert pareto(*table).tolist() == runs[by_brute_force(table[:, runs])].tolist()


@given(losses(3))
def test_the_front_is_that_of_the_slow_twin(table):
    table[~np.isfinite(table)] = 4.0
    assert pareto(*table).tolist() == np.flatnonzero(non_dominated(table.T)).tolist()


@given(TABLES)
def test_what_stays_undominated_is_that_of_brute_force(table):
    assert undominated(*split(table)).tolist() == by_brute_force(table)


def test_columns_whose_sums_round_to_the_same_are_compared_both_ways():
    latency = np.array([[1.0, 1.0], [1e-30, 0.0]])
    table = np.vstack([latency, np.ones((2, 2)), np.ones((1, 2))])
    assert undominated(*split(table)).tolist() == by_brute_force(table) == [1]


@given(TABLES, st.data())
def test_dropping_dominated_accelerators_changes_no_front_and_no_optimum(table, data):
    latency, energy, area = split(table)
    counts = data.draw(arrays(np.int64, (3, len(latency)), elements=st.integers(0, 5)))
    kept = undominated(latency, energy, area)
    whole = exact_totals(counts, latency), exact_totals(counts, energy)
    fewer = exact_totals(counts, latency[:, kept]), exact_totals(counts, energy[:, kept])
    for network in range(3):
        points = [
            np.stack([*(total[network] for total in totals), a]) for totals, a in ((whole, area), (fewer, area[kept]))
        ]
        fronts = [{tuple(p) for p in found[:, pareto(*found)].T} for found in points]
        assert fronts[0] == fronts[1]
        lowest = [
            min((lat * en for lat, en, _ in found.T if np.isfinite([lat, en]).all()), default=np.inf)
            for found in points
        ]
        assert lowest[0] == lowest[1]


@given(TABLES, st.data())
def test_the_order_of_accelerators_changes_no_value(table, data):
    order = np.array(data.draw(st.permutations(range(table.shape[1]))))
    shuffled = table[:, order]
    values = {tuple(column) for column in table[:, undominated(*split(table))].T}
    assert values == {tuple(column) for column in shuffled[:, undominated(*split(shuffled))].T}


@given(losses(3))
def test_equals_give_back_all_that_the_front_leaves_out(table):
    front = pareto(*table)
    together = np.unique(np.concatenate([equals(*table, index) for index in front])) if len(front) else []
    beaten = [
        one
        for one in range(table.shape[1])
        if not np.isfinite(table[:, one]).all()
        or any((table[:, k] <= table[:, one]).all() and (table[:, k] < table[:, one]).any() for k in front)
    ]
    assert sorted([*together, *beaten]) == list(range(table.shape[1]))


def test_more_rows_and_accelerators_than_are_sampled_are_still_brute_force():
    rng = np.random.default_rng(0)
    knobs = rng.integers(0, 16, (3, 5000))
    knobs[2] += 32 - knobs[0] - knobs[1]
    table = (rng.integers(0, 3, (41, 3)) @ knobs).astype(float)
    table[:, rng.integers(0, 5000, 500)] = table[:, rng.integers(0, 5000, 500)]
    table[0, rng.integers(0, 5000, 300)] = np.inf
    covered = np.ones((5000, 5000), np.bool_)
    for row in table:
        covered &= row[:, None] <= row[None, :]
    same = covered & covered.T
    beaten = (covered & ~same).any(axis=0) | np.triu(same, 1).any(axis=0)
    kept = undominated(*split(table)).tolist()
    assert 10 < len(kept) < 4000
    assert kept == np.flatnonzero(~beaten).tolist()


def test_no_accelerator_is_no_front():
    assert pareto(*np.ones((3, 0))).tolist() == []
    assert undominated(np.ones((2, 0)), np.ones((2, 0)), np.ones(0)).tolist() == []


def test_a_whole_space_of_points_is_quick_even_where_all_are_on_the_front():
    points = np.random.default_rng(0).random((3, 50_000))
    points /= np.linalg.norm(points, axis=0)
    assert len(pareto(*points)) == 50_000


@pytest.mark.parametrize("rows", [(1, 2, 3), (2, 2, 3)])
def test_shapes_that_do_not_fit_are_refused(rows):
    latency, energy, area = (np.ones((1, n)) for n in rows)
    with pytest.raises(AcceleratorError, match="one column of each"):
        undominated(latency, energy, area[0])


def test_nan_is_refused_by_its_place():
    table = np.ones((3, 4))
    table[1, 2] = np.nan
    with pytest.raises(AcceleratorError, match="energy: row 0 of accelerator 2 is nan"):
        pareto(*table)

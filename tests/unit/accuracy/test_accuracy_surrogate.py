"""A surrogate predicts what a Gaussian process says, its intervals keep their promise, and its file is safe."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from surrogate_cases import invented, write

from coexplore.accuracy.rated_networks import read_rated
from coexplore.accuracy.stage_settings import COLUMNS
from coexplore.accuracy.surrogate import FORMAT, Surrogate, load_surrogate
from coexplore.accuracy.surrogate_evaluator import PredictionSettings, SurrogateEvaluator
from coexplore.accuracy.surrogate_training import FOLDS, SurrogateSettings, _Process, log_spread, train_surrogate
from coexplore.core.errors import ConfigError, DataError, EvaluationError
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.networks.mnasnet_like import accel_nasbench
from coexplore.testing.rank_correlation import kendall_tau

FAST = SurrogateSettings(steps=15, subset=150)


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    return train_surrogate(invented(300, seed=0), FAST)


def test_it_predicts_what_the_formula_says(surrogate):
    """The slow twin: the kernel as a product over decisions, one pair of networks at a time."""
    asked = invented(5, seed=1).settings
    ends = np.cumsum(surrogate.sizes)
    for row, predicted in zip(asked, surrogate.predict(asked), strict=True):
        total = surrogate.centre
        for known, weight in zip(surrogate.networks, surrogate.weights, strict=True):
            kernel = 1.0
            for value, index, end, size in zip(row, known, ends, surrogate.sizes, strict=True):
                own = list(surrogate.values[end - size : end])
                kernel *= np.exp(surrogate.alike[end - size + own.index(value), end - size + index])
            total += weight * kernel
        assert predicted == pytest.approx(surrogate.ceiling - np.exp(-total), abs=1e-12)


def test_errors_are_those_of_really_leaving_a_network_out():
    rng = np.random.default_rng(0)
    indices, target = rng.integers(0, 3, (40, 4)), rng.normal(size=40)
    process = _Process(torch, indices, target, [3] * 4)
    _, _, errors = process.solve()
    with torch.no_grad():
        covariance = process._covariance(process._rows).numpy()
    for out in range(40):
        rest = np.arange(40) != out
        prediction = covariance[out, rest] @ np.linalg.solve(covariance[np.ix_(rest, rest)], target[rest])
        assert errors[out] == pytest.approx(target[out] - prediction, abs=1e-9)


def test_errors_know_neither_kernel_nor_spread_of_their_own_fold():
    rated, fold_of = invented(80, seed=6), np.random.default_rng([0, FOLDS]).permutation(80) % FAST.folds
    changed = int(np.flatnonzero(fold_of == 2)[0])
    seen: dict[str, list[list[int]]] = {"fit": []}

    class Watched(_Process):
        def fit(self, settings, known):
            seen["fit"].append(known.tolist())
            super().fit(settings, known)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coexplore.accuracy.surrogate_training._Process", Watched)
        train_surrogate(rated, FAST)
    assert [changed in known for known in seen["fit"]] == [True, True, False, True, True]
    assert [len(known) for known in seen["fit"]] == [60, 60, 60, 60, 80]


def test_the_spread_of_errors_is_found_value_by_value():
    rng = np.random.default_rng(0)
    choices = rng.integers(0, 3, (20_000, 2))
    rows = np.concatenate([choices[:, :1] == np.arange(3), choices[:, 1:] == np.arange(3)], axis=1).astype(float)
    truth = np.array([-0.5, 0.0, 0.5, 0.2, 0.2, -0.4])
    found = log_spread(rows, rng.normal(size=len(rows)) * np.exp(rows @ truth), ridge=1e-3)
    expected = rows @ truth - (rows @ truth).mean()
    np.testing.assert_allclose(rows @ found, expected, atol=0.03)
    assert abs((rows @ found).mean()) < 1e-9
    assert np.abs(log_spread(rows, rng.normal(size=len(rows)), ridge=1e9)).max() < 1e-3


def test_intervals_are_wide_where_errors_are_large():
    """A third of the networks repeat ten times worse; with one width for all, hardly any other falls outside."""
    rng, rated, fresh = np.random.default_rng(7), invented(600, 8, noise=0.0), invented(2000, 9, noise=0.0)
    loud, fresh_loud = (some.settings[:, 0] == 6 for some in (rated, fresh))
    noise = [0.02 * np.where(some, 1.0, 0.1) * rng.normal(size=len(some)) for some in (loud, fresh_loud)]
    noisy, truth = replace(rated, accuracy=rated.accuracy + noise[0]), fresh.accuracy + noise[1]
    gap, total = {}, {}
    for ridge in (10.0, 1e9):
        low, high = train_surrogate(noisy, replace(FAST, ridge=ridge)).interval(fresh.settings, 0.9)
        inside = (low <= truth) & (truth <= high)
        gap[ridge] = inside[~fresh_loud].mean() - inside[fresh_loud].mean()
        total[ridge] = inside.mean()
    assert gap[10.0] < 0.5 * gap[1e9]
    assert total[10.0] == pytest.approx(0.9, abs=0.05)


def test_it_ranks_networks_it_has_not_seen(surrogate):
    fresh = invented(400, seed=2)
    assert kendall_tau(surrogate.predict(fresh.settings), fresh.accuracy) > 0.85


def test_intervals_hold_their_share_of_new_networks(surrogate):
    fresh = invented(1500, seed=3)
    for coverage in (0.5, 0.8, 0.9):
        low, high = surrogate.interval(fresh.settings, coverage)
        assert np.mean((low <= fresh.accuracy) & (fresh.accuracy <= high)) == pytest.approx(coverage, abs=0.06)


def test_more_coverage_is_never_a_smaller_interval(surrogate):
    widths = [surrogate.error_at(coverage) for coverage in (0.1, 0.5, 0.9, 0.99)]
    assert all(a <= b for a, b in pairwise(widths))
    predicted = surrogate.predict(invented(20, seed=4).settings)
    low, high = surrogate.interval(invented(20, seed=4).settings, 0.5)
    assert ((low <= predicted) & (predicted <= high)).all()


@pytest.mark.parametrize("coverage", [0.0, 1.0, -1.0, 2.0, float("nan"), 0.9999])
def test_a_coverage_that_cannot_be_promised_is_refused(surrogate, coverage):
    with pytest.raises(EvaluationError, match=r"300 networks can promise more than 0 and at most 0\.996"):
        surrogate.error_at(coverage)


def test_predictions_do_not_depend_on_what_is_asked_beside(surrogate):
    settings = invented(1500, seed=5).settings
    together = surrogate.predict(settings)
    np.testing.assert_allclose(surrogate.predict(settings[700:703]), together[700:703], rtol=1e-12)
    assert surrogate.predict(settings[:0]).shape == (0,)


def test_the_same_seed_fits_the_same_to_the_last_bit(surrogate):
    assert train_surrogate(invented(300, seed=0), FAST).identity == surrogate.identity
    assert train_surrogate(invented(300, seed=0), replace(FAST, seed=1)).identity != surrogate.identity


def test_a_setting_it_never_saw_is_named(surrogate):
    settings = invented(1, seed=0).settings.copy()
    settings[0, COLUMNS.index("block5_l")] = 9
    with pytest.raises(EvaluationError, match="block5_l is 9; the surrogate knows 1, 2, 3"):
        surrogate.predict(settings)


def test_too_little_to_learn_from_is_refused():
    with pytest.raises(DataError, match="19 networks; a surrogate needs at least 20"):
        train_surrogate(invented(19, seed=0), FAST)
    alike = replace(invented(30, seed=0), accuracy=np.full(30, 0.5))
    with pytest.raises(DataError, match="not all alike"):
        train_surrogate(alike, FAST)


def test_a_file_brings_back_the_same_surrogate(surrogate, tmp_path):
    surrogate.save(tmp_path / "surrogate.npz")
    again = load_surrogate(tmp_path / "surrogate.npz")
    assert again.identity == surrogate.identity
    assert (again.table, again.data_hash, again.settings) == (surrogate.table, surrogate.data_hash, surrogate.settings)
    assert again.data_hash == invented(300, seed=0).content_hash


def test_files_whose_parts_do_not_belong_together_are_refused(surrogate, tmp_path):
    parts = {name: getattr(surrogate, name) for name in FORMAT.arrays}
    header = {"decisions": list(COLUMNS), "centre": 0.0, "ceiling": 0.7, "table": "", "data_hash": "", "settings": {}}
    wrong = [
        (header | {"decisions": ["only one"]}, parts, "have shapes"),
        ({}, parts, "its header is not that of a surrogate"),
        (header | {"centre": "high"}, parts, "its header is not that of a surrogate"),
        (header, parts | {"networks": parts["networks"] + 5}, "outside its own values"),
        (header, parts | {"weights": np.full_like(parts["weights"], np.inf)}, "not finite"),
    ]
    for head, arrays, message in wrong:
        FORMAT.write(tmp_path / "wrong.npz", head, arrays)
        with pytest.raises(DataError, match=message):
            load_surrogate(tmp_path / "wrong.npz")


def test_a_network_gets_the_prediction_or_the_lower_end(surrogate):
    workload = accel_nasbench((1,) * 7, (3,) * 7, (1,) * 7, (False,) * 7)
    settings = [(1, 3, 1, 0) * 7]
    assert SurrogateEvaluator(surrogate).evaluate(workload).value == surrogate.predict(settings)[0]
    assert SurrogateEvaluator(surrogate, 0.8).evaluate(workload).value == surrogate.interval(settings, 0.8)[0][0]
    family = AccelNasBench()
    deepest = family.lower(family.space.point({d.name: d.values[-1] for d in family.space.decisions}))
    with pytest.raises(EvaluationError, match="block5_l is 4"):
        SurrogateEvaluator(surrogate).evaluate(deepest)


def test_settings_find_the_file_and_refuse_what_it_cannot_do(surrogate, tmp_path, monkeypatch):
    surrogate.save(tmp_path / "surrogate.npz")
    assert PredictionSettings("surrogate.npz").load(tmp_path).identity == SurrogateEvaluator(surrogate).identity
    monkeypatch.setenv("COEXPLORE_DATA", str(tmp_path))
    assert PredictionSettings("surrogate.npz", 0.9).load().identity == SurrogateEvaluator(surrogate, 0.9).identity
    with pytest.raises(ConfigError, match=r"task\.coverage is 1\.0"):
        PredictionSettings("surrogate.npz", 1.0).load(tmp_path)
    with pytest.raises(DataError, match="is about"):
        SurrogateEvaluator(replace(surrogate, decisions=tuple(f"knob{n}" for n in range(28))))


def test_a_table_is_read_from_a_file_or_a_folder(tmp_path):
    rated = invented(25, seed=0)
    write(rated, tmp_path / "any.parquet")
    for path in (tmp_path, tmp_path / "any.parquet"):
        read = read_rated(path)
        np.testing.assert_array_equal(read.settings, rated.settings)
        np.testing.assert_allclose(read.accuracy, rated.accuracy)
    write(rated.part(np.arange(3)), tmp_path / "accel_nasbench.parquet")
    assert len(read_rated(tmp_path)) == 3


def test_what_is_wrong_with_a_table_is_said(tmp_path):
    path = write(invented(3, seed=0), tmp_path / "table.parquet")
    table = pq.read_table(path)
    wrong = [
        (table.drop_columns(["block0_e"]), "has no column 'block0_e'"),
        (table.set_column(0, "block0_e", pa.array([1, None, 4])), "a setting is no whole number"),
        (table.set_column(28, "val_top1", pa.array([50.0, 101.0, 2.0])), "val_top1 must be percent"),
        (table.slice(0, 0), "in at least one row"),
        (table.set_column(28, "val_top1", pa.array(["a", "b", "c"])), "cannot read the table"),
    ]
    for content, message in wrong:
        pq.write_table(content, path)
        with pytest.raises(DataError, match=message):
            read_rated(path)
    path.write_text(json.dumps({}))
    with pytest.raises(DataError, match="cannot read the table"):
        read_rated(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"has no accel_nasbench\.parquet and 0 Parquet files"):
        read_rated(tmp_path / "empty")

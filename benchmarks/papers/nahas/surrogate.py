"""How well does the surrogate of ImageNet accuracy rank networks it has not seen, and do its intervals hold?

The surrogate (`accuracy/surrogate.py`) is fitted on the rows of `accel_nasbench.parquet` that are shipped. Scored is

* with `--data TEST`, a Parquet file with the same columns, or a folder with one: those rows. Networks that are in both
  are left out of the fit;
* otherwise, or when `--data` is the folder of the shipped table: one eighth of the rows, chosen by a hash of the
  network so that no network is on both sides. They were not looked at while the method was chosen.

`splits` are further ones: all rows, shuffled, are cut into eighths, and each of the first `--splits` eighths is held
out in turn, so that together they score no network twice. `coverage_90_mean` and `coverage_90_sd` are over these;
`coverage_90_sd_by_chance` is the standard deviation of the share in one split that intervals which hold exactly 90 %
would have, the square root of 0.09 over the rows. Networks that a search ends with are good ones, so
`coverage_90_of_best_third` is that among the third with the best predictions.

Everything was chosen by cross-validation among the seven eighths that are not in the split by hash: the kind of model,
the scale that is predicted and the headroom of its ceiling by the order of networks, the ridge of the spread by the
likelihood of errors. `--choose` prints that comparison again (a quarter of an hour on a core of its own).

Accuracies are those of the benchmark's shortened training, not final ones. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coexplore.accuracy.rated_networks import RatedNetworks, read_rated
from coexplore.accuracy.surrogate_training import SurrogateSettings, log_spread, train_surrogate
from coexplore.testing.rank_correlation import kendall_tau

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
PARTS = 8
FOLDS = 5
COVERAGE = 0.9
TAU_TARGET, COVERAGE_TOLERANCE = 0.915, 0.03
HEADROOMS = (0.02, 0.05, 0.09, 0.18, 1.0)
RIDGES = (10.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0)
QUICK_ROWS = 2_500
QUICK = SurrogateSettings(steps=30, subset=400, folds=2)
ONLY_PREDICTING = SurrogateSettings(folds=2)
"""Folds are for intervals; two are the fewest."""

Floats = NDArray[np.float64]
Predictor = Callable[[RatedNetworks, RatedNetworks], Floats]
"""Fits on the first, predicts the second."""


def held_out(rated: RatedNetworks) -> NDArray[np.bool_]:
    """(n,) The networks of the eighth that is scored."""
    digests = [hashlib.sha256(",".join(map(str, row)).encode()).hexdigest() for row in rated.settings.tolist()]
    return np.array([int(digest[:8], 16) % PARTS == 0 for digest in digests])


def score(train: RatedNetworks, test: RatedNetworks, settings: SurrogateSettings) -> dict[str, float]:
    """Fit on one part, compare with another."""
    begin = time.perf_counter()
    surrogate = train_surrogate(train, settings)
    fit_s = time.perf_counter() - begin
    begin = time.perf_counter()
    predicted = surrogate.predict(test.settings)
    predict_s = time.perf_counter() - begin
    low, high = surrogate.interval(test.settings, COVERAGE)
    inside = (low <= test.accuracy) & (test.accuracy <= high)
    return {
        "kendall_tau": round(kendall_tau(predicted, test.accuracy), 4),
        "coverage_90": round(float(inside.mean()), 4),
        "coverage_90_of_best_third": round(float(inside[predicted >= np.quantile(predicted, 2 / 3)].mean()), 4),
        "interval_width_percent": round(100 * float(np.mean(high - low)), 3),
        "rmse_percent": round(100 * float(np.sqrt(np.mean((predicted - test.accuracy) ** 2))), 3),
        "rows_train": len(train),
        "rows_test": len(test),
        "fit_s": round(fit_s, 1),
        "predict_us_each": round(1e6 * predict_s / len(test), 1),
    }


def further_splits(rated: RatedNetworks, splits: int) -> dict[str, object]:
    """Scores with each of the first eighths of the shuffled rows held out, and how far their coverages spread."""
    parts = np.random.default_rng(0).permutation(len(rated)) % PARTS
    scores = []
    for part in range(splits):
        scores.append(score(rated.part(parts != part), rated.part(parts == part), SurrogateSettings(seed=part)))
        print(part, scores[-1], flush=True)
    result: dict[str, object] = {"splits": scores}
    if splits > 1:
        shares = [one["coverage_90"] for one in scores]
        result["coverage_90_mean"] = round(float(np.mean(shares)), 4)
        result["coverage_90_sd"] = round(float(np.std(shares, ddof=1)), 4)
        result["coverage_90_sd_by_chance"] = round((COVERAGE * (1 - COVERAGE) * PARTS / len(rated)) ** 0.5, 4)
    return result


def without(train: RatedNetworks, test: RatedNetworks) -> RatedNetworks:
    """The rows of networks that are not in the other table."""
    known = {tuple(row) for row in test.settings.tolist()}
    return train.part(np.array([tuple(row) not in known for row in train.settings.tolist()]))


def repeats(rated: RatedNetworks) -> tuple[int, float | None]:
    """How many networks the table holds more than once, and the standard deviation (percent) of such a repetition."""
    found: dict[tuple[int, ...], list[float]] = {}
    for row, accuracy in zip(rated.settings.tolist(), rated.accuracy.tolist(), strict=True):
        found.setdefault(tuple(row), []).append(accuracy)
    several = [values for values in found.values() if len(values) > 1]
    if not several:
        return 0, None
    variance = sum(float(np.var(values, ddof=1)) for values in several) / len(several)
    return len(several), round(100 * variance**0.5, 3)


def cross_validated(rated: RatedNetworks, predict: Predictor) -> float:
    """Mean Kendall tau over the folds."""
    folds = np.random.default_rng(0).permutation(len(rated)) % FOLDS
    taus = []
    for fold in range(FOLDS):
        test = rated.part(folds == fold)
        taus.append(kendall_tau(predict(rated.part(folds != fold), test), test.accuracy))
    return round(float(np.mean(taus)), 4)


def spread_likelihoods(rated: RatedNetworks) -> dict[str, float]:
    """Mean logarithm of the likelihood of errors left out, by the ridge of their spread; `none` is one spread for all.

    Errors are of the scale that is predicted, over their standard deviation.
    """
    folds = np.random.default_rng(0).permutation(len(rated)) % FOLDS
    ceiling = rated.accuracy.max() + SurrogateSettings().headroom
    errors = np.empty(len(rated))
    for fold in range(FOLDS):
        test = rated.part(folds == fold)
        predicted = train_surrogate(rated.part(folds != fold), ONLY_PREDICTING).predict(test.settings)
        errors[folds == fold] = np.log((ceiling - predicted) / (ceiling - test.accuracy))
    errors /= errors.std()
    columns = [column[:, None] == np.unique(column) for column in rated.settings.T]
    rows = np.concatenate(columns, axis=1).astype(np.float64)
    found = {}
    for name, ridge in (("none", 1e12), *((f"{ridge:g}", ridge) for ridge in RIDGES)):
        likelihood = np.empty(len(errors))
        for fold in range(FOLDS):
            own = folds == fold
            spread = np.exp(rows @ log_spread(rows[~own], errors[~own], ridge))
            spread *= np.sqrt(np.mean((errors[~own] / spread[~own]) ** 2))
            likelihood[own] = -np.log(spread[own]) - 0.5 * (errors[own] / spread[own]) ** 2
        found[name] = round(float(likelihood.mean() - 0.5 * np.log(2 * np.pi)), 4)
    return found


def alternatives() -> dict[str, Predictor]:
    """What was compared: library models on one-hots or ordered values, and our process with several ceilings."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
    from sklearn.svm import SVR

    def library(model: object) -> Predictor:
        def predict(train: RatedNetworks, test: RatedNetworks) -> Floats:
            centre, spread = train.accuracy.mean(), train.accuracy.std()
            fitted = model.fit(train.settings, (train.accuracy - centre) / spread)
            return np.asarray(fitted.predict(test.settings)) * spread + centre

        return predict

    def process(headroom: float) -> Predictor:
        return lambda train, test: train_surrogate(train, replace(ONLY_PREDICTING, headroom=headroom)).predict(
            test.settings
        )

    one_hot = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    pairs = PolynomialFeatures(2, interaction_only=True, include_bias=False)
    boosting = HistGradientBoostingRegressor(max_iter=1500, learning_rate=0.03, max_leaf_nodes=6, min_samples_leaf=10)
    return {
        "ridge on values": library(make_pipeline(one_hot, Ridge(1.0))),
        "ridge on pairs of values": library(make_pipeline(one_hot, pairs, Ridge(30.0))),
        "gradient boosting": library(boosting),
        "support vectors": library(make_pipeline(StandardScaler(), SVR(C=30.0, gamma=0.004, epsilon=0.03))),
        **{f"process, headroom {headroom:g}": process(headroom) for headroom in HEADROOMS},
    }


def main() -> None:
    """Score, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="Parquet file to score on, or a folder with one")
    parser.add_argument("--train", type=Path, default=DATA, help="the shipped table, or its folder")
    parser.add_argument("--splits", type=int, default=PARTS, choices=range(PARTS + 1), help="further ones, 0 to 8")
    parser.add_argument("--choose", action="store_true", help="the comparison that the method was chosen by")
    parser.add_argument("--save", type=Path, help="write a surrogate of all shipped rows there")
    parser.add_argument("--quick", action="store_true", help="few rows and steps; no further splits")
    options = parser.parse_args()

    test = read_rated(options.data)
    rated = read_rated(options.train) if options.train.exists() else test
    own = test.content_hash == rated.content_hash
    mask = held_out(rated)
    train, test = (rated.part(~mask), rated.part(mask)) if own else (without(rated, test), test)
    settings = SurrogateSettings()
    if options.quick:
        few = np.random.default_rng(0).permutation(len(train))[:QUICK_ROWS]
        train, settings = train.part(few), QUICK
    result: dict[str, object] = {"data": "own split" if own else str(options.data.name), **score(train, test, settings)}
    print(result, flush=True)
    result["tau_target_met"] = bool(float(str(result["kendall_tau"])) >= TAU_TARGET)
    result["coverage_target_met"] = bool(abs(float(str(result["coverage_90"])) - COVERAGE) <= COVERAGE_TOLERANCE)
    result["networks_repeated"], result["repetition_sd_percent"] = repeats(rated)
    result |= further_splits(rated, 0 if options.quick else options.splits)
    if options.choose:
        chosen = {}
        for name, predict in alternatives().items():
            chosen[name] = cross_validated(rated.part(~mask), predict)
            print(f"{name:30s} {chosen[name]}", flush=True)
        result["cross_validation"] = chosen
        result["spread_likelihood"] = spread_likelihoods(rated.part(~mask))
    if options.save:
        train_surrogate(rated, SurrogateSettings()).save(options.save)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

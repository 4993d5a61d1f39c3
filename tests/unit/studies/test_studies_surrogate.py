"""A study may take its accuracies from a surrogate in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coexplore.accuracy.rated_networks import RatedNetworks
from coexplore.accuracy.stage_settings import COLUMNS, stage_settings
from coexplore.accuracy.surrogate import load_surrogate
from coexplore.accuracy.surrogate_training import SurrogateSettings, train_surrogate
from coexplore.core.errors import ConfigError, DataError
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.studies.config import build, parse_config, resolve
from coexplore.studies.study import run_study

FREE = ("block0_k", "block6_e")


def fit(folder: Path, seed: int) -> None:
    points = AccelNasBench().space.sample(np.random.default_rng(0), 60)
    settings = np.array([[point[name] for name in COLUMNS] for point in points], np.int64)
    rated = RatedNetworks("invented", COLUMNS, settings, 0.4 + settings.sum(axis=1) / 400)
    train_surrogate(rated, SurrogateSettings(steps=2, subset=30, seed=seed)).save(folder / "surrogate.npz")


@pytest.fixture
def study(tmp_path: Path) -> dict[str, object]:
    fit(tmp_path, 0)
    decisions = AccelNasBench().space.decisions
    return {
        "name": "predicted",
        "task": {"surrogate": str(tmp_path / "surrogate.npz")},
        "network": {
            "family": "accel-nasbench",
            "freeze": {d.name: d.values[0] for d in decisions if d.name not in FREE},
        },
        "accelerator": {"fixed": "edge-array"},
        "objectives": [{"maximize": "accuracy"}, {"minimize": "macs"}],
        "strategy": {"name": "random"},
        "budget": {"trials": 3},
    }


def test_accuracies_are_the_predictions(tmp_path: Path, study: dict[str, object]) -> None:
    result = run_study(parse_config(study), tmp_path / "study", workers=0)
    surrogate = load_surrogate(tmp_path / "surrogate.npz")
    problem = build(parse_config(study))
    assert result.trained_networks == 3
    for trial in result.front:
        settings = stage_settings(problem.designs.decode(trial.point).network.workload())
        assert trial.metrics["accuracy"] == surrogate.predict([settings])[0]


def test_the_lower_end_of_the_interval_is_another_problem(study: dict[str, object]) -> None:
    plain = build(parse_config(study))
    careful = build(parse_config(study | {"task": {**study["task"], "coverage": 0.9}}))  # type: ignore[dict-item]
    assert plain.fingerprint != careful.fingerprint


def test_a_resolved_study_poses_the_same_problem(study: dict[str, object]) -> None:
    resolved = resolve(parse_config(study))
    assert build(parse_config(resolved.config.document())).fingerprint == resolved.problem.fingerprint


def test_a_surrogate_that_changed_is_refused(tmp_path: Path, study: dict[str, object]) -> None:
    source = build(parse_config(study)).accuracy
    fit(tmp_path, 1)
    assert source is not None
    with pytest.raises(DataError, match="has changed since the study began"):
        source.prepare()


def test_wrong_settings_and_networks_are_named(tmp_path: Path, study: dict[str, object]) -> None:
    task = {"surrogate": str(tmp_path / "surrogate.npz")}
    for wrong, message in [
        (
            {**task, "coverag": 0.9},
            r"^task\.coverag: unknown setting of a surrogate of accuracy; did you mean 'coverage'",
        ),
        ({**task, "coverage": 2.0}, r"^task\.coverage is 2\.0; 60 networks can promise"),
        ({**task, "tabular": "table"}, r"^task: has tabular and surrogate; give only one"),
    ]:
        with pytest.raises(ConfigError, match=message):
            build(parse_config(study | {"task": wrong}))
    with pytest.raises(ConfigError, match=r"^network: .*is no network of Accel-NASBench"):
        build(parse_config(study | {"network": {"fixed": "mobilenet-v2"}}))
    with pytest.raises(DataError, match=r"absent\.npz: there is no such file"):
        build(parse_config(study | {"task": {"surrogate": str(tmp_path / "absent.npz")}}))

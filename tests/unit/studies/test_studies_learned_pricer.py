"""A study may take a learned cost model's predictions for prices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from coexplore.core.errors import ConfigError
from coexplore.cost.learned import load_learned
from coexplore.cost.learned_labels import price_pairs, side_space
from coexplore.cost.learned_training import LearnedSettings, train_learned
from coexplore.cost.model import price
from coexplore.design import ACCELERATOR, NETWORK
from coexplore.studies.config import build, build_designs, load_config, parse_config
from coexplore.studies.exact import why_not
from coexplore.studies.learned_pricer import LearnedPricer
from coexplore.studies.sources import CostPricer
from coexplore.studies.study import run_study

STUDY: dict[str, Any] = {
    "name": "estimated",
    "network": {"family": "nb201", "cells": 1, "freeze": {f"edge3_{n}": "skip_connect" for n in range(3)}},
    "accelerator": {
        "family": "edge-array", "pes_x": [1], "pes_y": [2], "simd_units": [16], "lanes": [1],
        "local_memory_mb": [0.5, 2.0], "register_file_kb": [8], "io_bandwidth_gb_s": [5.0, 20.0],
    },
    "objectives": [{"minimize": "latency_s"}, {"minimize": "energy_j"}],
    "strategy": {"name": "random"},
    "budget": {"trials": 4},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    designs = build_designs(parse_config(STUDY))
    rng = np.random.default_rng(0)
    networks = list(side_space(designs, NETWORK).enumerate())[::8]
    pairs = price_pairs(designs, networks, list(side_space(designs, ACCELERATOR).enumerate()))
    labels = pairs.draw(np.arange(len(networks)), np.arange(4), 4 * len(networks), rng)
    found = tmp_path_factory.mktemp("model")
    settings = LearnedSettings(width=32, steps=400, batch=32)
    train_learned(designs.space, labels, settings).save(found / "model.npz")
    train_learned(designs.space, labels, settings, most_area_mm2=0.0).save(found / "nothing_valid.npz")
    return found


def study(folder: Path, name: str = "model.npz", **changes: Any) -> dict[str, Any]:
    return STUDY | {"cost": {"learned": str(folder / name)}} | changes


def test_prices_are_the_predictions(folder: Path, tmp_path: Path) -> None:
    problem = build(parse_config(study(folder)))
    model = load_learned(folder / "model.npz")
    result = run_study(parse_config(study(folder)), tmp_path / "study", workers=0)
    assert result.front
    for trial in result.front:
        costs = model.predict_points(problem.space, [trial.point])
        design = problem.designs.decode(trial.point)
        real = price(design.network.workload(), design.chip).metrics()
        assert trial.metrics["latency_s"] == costs.latency_s[0]
        assert trial.metrics["area_mm2"] == costs.area_mm2[0]
        assert trial.metrics.keys() == real.keys()
        assert (trial.metrics["macs"], trial.metrics["parameters"]) == (real["macs"], real["parameters"])
        assert trial.metrics["latency_s"] == pytest.approx(real["latency_s"], rel=1.0)


def test_what_the_model_takes_for_invalid_has_no_price(folder: Path) -> None:
    problem = build(parse_config(study(folder, "nothing_valid.npz")))
    priced = problem.pricer(problem.designs.decode(next(problem.space.enumerate())))
    assert "takes it for invalid" in priced.reason
    assert 0 < priced.violation <= 0.5
    assert priced.metrics.keys() == {"area_mm2"}


def test_another_model_is_another_problem(folder: Path) -> None:
    learned, other, engine = (
        build(parse_config(document)).fingerprint
        for document in (study(folder), study(folder, "nothing_valid.npz"), STUDY)
    )
    assert len({learned, other, engine}) == 3
    assert build(parse_config(study(folder))).fingerprint == learned


def test_a_relative_path_starts_from_the_study_file(folder: Path) -> None:
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY | {"cost": {"learned": "model.npz"}}))
    config = load_config(folder / "study.yaml")
    assert config.cost is not None
    assert config.cost.learned == str(folder / "model.npz")


def test_what_does_not_fit_is_named(folder: Path) -> None:
    wide = STUDY["accelerator"] | {"pes_x": [1, 2]}
    wrong = [
        (study(folder, "absent.npz"), r"^cost\.learned: the learned cost model .*absent\.npz does not exist"),
        (
            study(folder, accelerator=wide),
            r"^cost\.learned: .*trained on another space of designs; accelerator\.pes_x=2",
        ),
        (
            study(folder, cost={"learned": "model.npz", "residency": {}}),
            r"^cost\.learned: goes with .* no other setting",
        ),
    ]
    for document, message in wrong:
        with pytest.raises(ConfigError, match=message):
            build(parse_config(document))


def test_learned_prices_prove_nothing(folder: Path) -> None:
    edges = {f"edge{pair}": "skip_connect" for pair in ("1_0", "2_0", "2_1", "3_0", "3_1", "3_2")}
    designs = build_designs(parse_config(STUDY | {"network": {"family": "nb201", "cells": 1, "freeze": edges}}))
    pricer = LearnedPricer(load_learned(folder / "model.npz"), designs)
    assert "prices that are learned" in why_not(designs, (), (), pricer)
    assert why_not(designs, (), (), CostPricer()) == ""

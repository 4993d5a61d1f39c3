"""A study of networks that label pixels: legal as it stands, trained and priced like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexplore.core.errors import ConfigError
from coexplore.studies.config import build, load_config
from coexplore.studies.study import run_study

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "nahas" / "segmentation.yaml"
SMALL = (
    "task.images=40",
    "task.size=16",
    "network.widths=[8]",
    "training.epochs=1",
    "budget.trials=3",
    "strategy={name: random}",
)


def test_the_example_is_legal():
    problem = build(load_config(EXAMPLE))
    assert problem.space.size > 1e6
    assert problem.accuracy is not None


def test_it_runs_like_any_other_study(tmp_path):
    pytest.importorskip("torch")
    result = run_study(load_config(EXAMPLE, SMALL), tmp_path / "study", workers=0)
    assert len(result.trials) == 3
    assert all(0 < trial.metrics["accuracy"] < 1 for trial in result.front)
    assert all(trial.metrics["latency_s"] > 0 for trial in result.front)


def test_a_network_of_one_label_an_image_is_refused():
    with pytest.raises(ConfigError, match=r"the data set 'shapes' needs one output \(N, 4, 32, 32\)"):
        build(load_config(EXAMPLE, ("network={family: inverted-bottleneck}",)))

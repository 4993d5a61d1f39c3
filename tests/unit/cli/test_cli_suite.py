"""A suite from the command line: run, status, report, export, and what it says where nothing will do."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from command_runs import coexplore
from command_runs import write_study as write

pytest.importorskip("plotly")
pytest.importorskip("onnx")

CHIPS: dict[str, Any] = {
    "family": "edge-array",
    "freeze": {"pes_x": 2, "pes_y": 2, "simd_units": 16, "lanes": 2, "local_memory_mb": 0.5},
    "restrict": {"register_file_kb": [8, 16], "io_bandwidth_gb_s": [5, 25]},
}
SMALL = {"input_shape": [3, 32, 32], "classes": 10}
SUITE: dict[str, Any] = {
    "name": "small-suite",
    "network": {
        "suite": [
            {"name": "one", "network": {"fixed": "mobilenet-v2", **SMALL}, "weight": 2.0},
            {"name": "two", "network": {"fixed": "resnet-18", **SMALL}},
        ]
    },
    "accelerator": CHIPS,
    "objectives": [{"minimize": "latency_s"}, {"minimize": "area_mm2"}],
    "constraints": [{"metric": "area_mm2", "at_most": 40}],
}


def write_study(folder: Path, study: dict[str, Any]) -> Path:
    """A study file whose parts are no aliases of each other."""
    return write(folder, json.loads(json.dumps(study)))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The directory of a finished study, and what `run --json` said of it."""
    folder = tmp_path_factory.mktemp("suite")
    outcome = coexplore("run", write_study(folder, SUITE), "--directory", folder / "study", "--json")
    assert outcome.code == 0
    return folder / "study", outcome


def with_limit(limit_s: float) -> dict[str, Any]:
    study = copy.deepcopy(SUITE)
    study["network"]["suite"][1]["constraints"] = [{"metric": "latency_s", "at_most": limit_s}]
    return study


def test_a_run_finds_accelerators_with_all_members(finished: tuple[Path, Any]) -> None:
    document = finished[1].document
    front = document["suite"]["front"]
    assert document["state"] == "finished"
    assert document["suite"]["accelerators"] == 4
    assert [member["name"] for member in front[0]["members"]] == ["one", "two"]
    means = [(2 * d["members"][0]["metrics"]["latency_s"] + d["members"][1]["metrics"]["latency_s"]) / 3 for d in front]
    assert [d["metrics"]["latency_s"] for d in front] == pytest.approx(means, rel=1e-12)
    assert means == sorted(means)


def test_the_bundle_of_every_member_costs_what_the_front_says(finished: tuple[Path, Any]) -> None:
    document = finished[1].document
    for member in document["suite"]["front"][0]["members"]:
        bundle = coexplore("cost", Path(document["bundle"]) / member["name"], "--json").document
        assert bundle["metrics"]["latency_s"] == member["metrics"]["latency_s"]
        assert bundle["metrics"]["energy_j"] == member["metrics"]["energy_j"]


def test_status_report_export_and_another_run_know_it(finished: tuple[Path, Any], tmp_path: Path) -> None:
    directory = finished[0]
    status = coexplore("status", directory)
    assert "one (weight 2, fixed), two (weight 1, fixed)" in status.out
    assert "members on the chosen accelerator" in status.out
    assert coexplore("status", directory, "--json").document["suite"] == finished[1].document["suite"]
    assert coexplore("report", directory, "--output", tmp_path / "page.html").code == 0
    assert "small-suite" in (tmp_path / "page.html").read_text()
    assert coexplore("export", directory, "--trial", 1, "--output", tmp_path / "bundle").code == 0
    assert (tmp_path / "bundle" / "two" / "model.onnx").exists()
    outcome = coexplore("export", directory, "--trial", 99)
    assert (outcome.code, "there is no accelerator 99; the front" in outcome.err) == (2, True)
    again = coexplore("run", write_study(tmp_path, SUITE), "--directory", directory)
    assert again.code == 0
    assert "front of" in again.out


def test_a_suite_is_checked_before_it_runs(tmp_path: Path) -> None:
    outcome = coexplore("validate", write_study(tmp_path, SUITE))
    assert outcome.code == 0
    assert "one of 4 accelerators for one (fixed), two (fixed)" in outcome.out
    study = copy.deepcopy(SUITE)
    for member in study["network"]["suite"]:
        member["weight"] = 0.0
    outcome = coexplore("run", write_study(tmp_path, study), "--directory", tmp_path / "none")
    assert outcome.code == 2
    assert "network.suite.0.weight: every weight is 0" in outcome.err
    assert not (tmp_path / "none").exists()


def test_where_nothing_meets_the_limits_the_nearest_is_shown(tmp_path: Path) -> None:
    outcome = coexplore("run", write_study(tmp_path, with_limit(1e-9)), "--directory", tmp_path / "study")
    assert outcome.code == 1
    assert "latency_s <= 1e-09 of two by" in outcome.out
    assert "members on the nearest accelerator" in outcome.out
    assert coexplore("export", tmp_path / "study").code == 1
    assert coexplore("report", tmp_path / "study").code == 0

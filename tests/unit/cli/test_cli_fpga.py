"""Pools of FPGAs at the command line: one message and exit code for what is wrong, the pipeline for what is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from command_runs import coexplore

POOL: dict[str, object] = {"family": "fpga-pool", "pool": ["pynq-z2", "7a50t"], "throughput_per_s": 5000}
STUDY: dict[str, object] = {
    "name": "pool",
    "network": {"family": "plain-cnn", "layers": [2], "filters": [8, 24], "kernels": [1, 3]},
    "objectives": [{"maximize": "pipeline_efficiency"}, {"minimize": "hardware_cost"}],
    "strategy": {"name": "random"},
    "budget": {"trials": 6},
}


def write(folder: Path, **changes: object) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**STUDY, "accelerator": {**POOL, **changes}}))
    return path


def test_a_run_shows_and_writes_the_pipeline(tmp_path: Path) -> None:
    directory = tmp_path / "study"
    outcome = coexplore("run", write(tmp_path), "--directory", directory, "--json")
    assert outcome.code == 0, outcome.err
    document = json.loads(Path(outcome.document["pipeline"]).read_text())
    chosen = outcome.document["front"][
        [trial["number"] for trial in outcome.document["front"]].index(outcome.document["chosen"])
    ]
    assert document["metrics"] == chosen["metrics"]
    assert [layer for stage in document["stages"] for layer in stage["layers"]] == ["conv0", "conv1", "fc"]
    page = (directory / "report.html").read_text()
    assert all(stage["bottleneck"] in page and stage["device"] in page for stage in document["stages"])
    text = coexplore("run", write(tmp_path), "--directory", directory)
    assert text.code == 0
    assert f"pipeline {directory / 'pipeline.json'}" in text.out
    assert "throughput" in text.out
    assert "may be off by 50 %" in text.out
    assert "may be off by 50 %" in page


def test_a_design_on_a_pool_leaves_with_its_network_and_its_pipeline(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    assert coexplore("run", write(tmp_path), "--directory", tmp_path / "study").code == 0
    bundle = tmp_path / "study" / "bundle"
    assert {path.name for path in bundle.iterdir()} == {
        *("model.onnx", "pipeline.json", "study.yaml", "metrics.json", "README.txt"),
    }
    assert (bundle / "pipeline.json").read_text().split() == (tmp_path / "study" / "pipeline.json").read_text().split()
    again = coexplore("export", tmp_path / "study", "--output", bundle)
    assert again.code == 0, again.err
    refused = coexplore("cost", bundle)
    assert refused.code == 2
    assert f"coexplore cost {bundle / 'model.onnx'} --pool" in refused.err
    assert coexplore("cost", bundle / "model.onnx", "--pool", "pynq-z2").code == 0


def test_a_requirement_that_no_pipeline_meets_names_stage_and_factor(tmp_path: Path) -> None:
    outcome = coexplore("run", write(tmp_path, throughput_per_s=1e9), "--directory", tmp_path / "study")
    assert outcome.code == 1
    assert "set by stage" in outcome.out
    assert "times too slow" in outcome.out


def test_what_is_wrong_with_a_pool_is_one_line_of_validate(tmp_path: Path) -> None:
    for changes, message in (
        ({"pool": []}, "accelerator.pool: has no FPGA"),
        ({"pool": ["mine"], "boards": [dict.fromkeys(("dsp", "bram18", "lut", "memory_lut", "port_bits"), 0) | {
            "name": "mine", "bandwidth_gb_s": 1.0, "clock_hz": 1e8, "power_w": 1.0}]}, "dsp is 0; the tile engine"),
        ({"stages": 9}, "accelerator.stages: is 9; the pool has 2 FPGAs"),
        ({"throughput_per_s": 0}, "accelerator.throughput_per_s: is 0"),
    ):  # fmt: skip
        outcome = coexplore("validate", write(tmp_path, **changes))
        assert outcome.code == 2
        assert message in outcome.err
        assert outcome.err.count("\n") == 1


def test_a_pool_cannot_be_priced_without_a_study(tmp_path: Path) -> None:
    outcome = coexplore("cost", "alexnet", "--accelerator", "fpga-pool")
    assert outcome.code == 2
    assert "use it in a study" in outcome.err

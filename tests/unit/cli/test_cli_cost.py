"""`cost` prints what the cost model says, and refuses what it cannot price."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_runs import coexplore

from coexplore.accelerators import edge_array  # noqa: F401 - enters itself among the families
from coexplore.accelerators.description import write_text
from coexplore.accelerators.family import find_accelerator
from coexplore.cost.model import Goal, mappings_document, price
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.workloads.weights import weight_shapes

ACCELERATOR = find_accelerator("edge-array")
SMALL = mobilenet_v2((3, 32, 32))
COST = ("cost", "mobilenet-v2", "--input-shape", "3,32,32", "--accelerator")


@pytest.mark.parametrize("goal", list(Goal))
def test_json_is_the_document_of_the_cost_model(goal: Goal) -> None:
    outcome = coexplore(*COST, "edge-array", "--goal", goal.name.lower(), "--json")
    expected = json.loads(json.dumps(price(SMALL, ACCELERATOR, goal).document()))
    assert outcome.code == 0
    assert {name: outcome.document[name] for name in expected} == expected
    assert outcome.document["goal"] == goal.name.lower()
    assert sum(outcome.document["area_by_component_mm2"].values()) == pytest.approx(ACCELERATOR.area_mm2)


def test_the_default_goal_is_the_energy_delay_product() -> None:
    assert coexplore(*COST, "edge-array", "--json").document["goal"] == "edp"


def test_text_shows_ops_totals_and_area() -> None:
    out = coexplore(*COST, "edge-array").out
    assert all(word in out for word in ("conv_stem", "fc", "register_file", "throughput", "dram bandwidth"))


def test_a_description_file_is_the_accelerator(tmp_path: Path) -> None:
    path = tmp_path / "chip.yaml"
    path.write_text(write_text(ACCELERATOR))
    assert coexplore(*COST, path, "--json").document == coexplore(*COST, "edge-array", "--json").document


def test_an_onnx_file_costs_what_its_network_costs(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from coexplore.workloads.onnx_export import export_onnx

    weights = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(SMALL).items()}
    export_onnx(SMALL, weights, tmp_path / "model.onnx")
    found = coexplore("cost", tmp_path / "model.onnx", "--accelerator", "edge-array", "--json").document
    assert found == coexplore(*COST, "edge-array", "--json").document


def test_a_preset_wins_over_a_folder_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mobilenet-v2").mkdir()
    monkeypatch.chdir(tmp_path)
    assert coexplore(*COST, "edge-array", "--json").code == 0


def test_given_mappings_are_replayed(tmp_path: Path) -> None:
    cost = price(SMALL, ACCELERATOR, Goal.LATENCY)
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps(mappings_document(cost)))
    document = coexplore(*COST, "edge-array", "--mapping", path, "--json").document
    assert document["metrics"] == cost.metrics()
    assert (document["mappings"], document["goal"]) == ("given", None)


def test_an_accelerator_that_is_too_small_is_infeasible_with_a_reason(tmp_path: Path) -> None:
    narrow = replace(ACCELERATOR, mac=replace(ACCELERATOR.mac, bits=4))
    path = tmp_path / "chip.yaml"
    path.write_text(write_text(narrow))
    outcome = coexplore(*COST, path, "--json")
    assert outcome.code == 1
    assert outcome.document["feasible"] is False
    assert outcome.document["reason"]
    text = coexplore(*COST, path)
    assert text.code == 1
    assert "infeasible: op" in text.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cost", "mobilenet-v3", "--accelerator", "edge-array"), "did you mean 'mobilenet-v2'"),
        (("cost", "mobilenet-v2"), "--accelerator: is missing"),
        ((*COST, "edge-aray"), "did you mean 'edge-array'"),
        ((*COST, "edge-array/base"), "did you mean 'edge-array/baseline'"),
        ((*COST, "nowhere.yaml"), "does not exist"),
        ((*COST, "edge-array", "--goal", "edb"), "did you mean 'edp'"),
        (("cost", "mobilenet-v2", "--input-shape", "3x2", "--accelerator", "edge-array"), "--input-shape: is '3x2'"),
        (("cost", "mobilenet-v2", "--input-shape", "0,2,2", "--accelerator", "edge-array"), "input_shape"),
        (("cost", "bert-base-layer", "--input-shape", "3,8,8", "--accelerator", "edge-array"), "has a fixed input"),
        (("cost", "nowhere.onnx", "--accelerator", "edge-array"), "nowhere.onnx"),
        (("cost", "nowhere.onnx", "--input-shape", "1,1,1", "--accelerator", "edge-array"), "an ONNX file has its own"),
        ((*COST, "edge-array", "--mapping", "nowhere.json"), "does not exist"),
        (("cost", "."), "is no bundle"),
        (("cost", ".", "--goal", "edp"), "--goal: a bundle has its own"),
    ],
)
def test_bad_input_is_named(arguments: tuple[str, ...], message: str) -> None:
    outcome = coexplore(*arguments, "--json")
    assert outcome.code == 2
    assert outcome.out == ""
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("content", ["{", "[]", '{"conv_stem": 3}', "{}", "[" * 100_000])
def test_a_mapping_file_that_is_none_is_bad_input(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mapping.json"
    path.write_text(content)
    outcome = coexplore(*COST, "edge-array", "--mapping", path)
    assert outcome.code == 2
    assert "mapping" in outcome.err


@pytest.mark.parametrize("content", ["clock_hz: [", "a: 1", "", "\x00", "&a [*a]"])
def test_an_accelerator_file_that_is_none_is_bad_input(tmp_path: Path, content: str) -> None:
    path = tmp_path / "chip.yaml"
    path.write_text(content)
    assert coexplore(*COST, path).code == 2

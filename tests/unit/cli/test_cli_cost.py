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


def test_open_sizes_of_an_onnx_file_are_given_by_name(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    rows = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 16])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 4])
    weight = helper.make_tensor("w", TensorProto.FLOAT, [16, 4], np.zeros(64))
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"], "mul")], "open", [rows], [out], [weight])
    path = tmp_path / "open.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    documents = [
        coexplore("cost", path, "--accelerator", "edge-array", "--size", f"rows={size}", "--json").document
        for size in (2, 6)
    ]
    assert [document["metrics"]["macs"] for document in documents] == [2 * 64, 6 * 64]


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


def test_what_json_prints_can_be_given_as_mappings(tmp_path: Path) -> None:
    first = coexplore(*COST, "edge-array", "--json").document
    path = tmp_path / "earlier.json"
    path.write_text(json.dumps(first))
    again = coexplore(*COST, "edge-array", "--mapping", path, "--json").document
    assert again["metrics"] == first["metrics"]
    assert again["mappings"] == "given"


def test_another_accounting_prices_the_same_mappings() -> None:
    plain, other = (
        coexplore(*COST, "systolic/ws-64", "--accounting", name, "--json").document for name in ("physics", "scalesim")
    )
    assert (plain["accounting"], other["accounting"]) == ("physics", "scalesim")
    assert [op["mapping"] for op in plain["ops"]] == [op["mapping"] for op in other["ops"]]
    assert other["metrics"]["latency_s"] > plain["metrics"]["latency_s"]


def test_an_accounting_that_does_not_know_a_mapping_names_the_op(tmp_path: Path) -> None:
    memory = ACCELERATOR.levels[0]
    mesh = tuple(replace(axis, size=size) for axis, size in zip(memory.fanout, (7, 5), strict=True))
    path = tmp_path / "chip.yaml"
    path.write_text(write_text(replace(ACCELERATOR, levels=(replace(memory, fanout=mesh), *ACCELERATOR.levels[1:]))))
    outcome = coexplore(*COST, path, "--accounting", "timeloop")
    assert outcome.code == 2
    assert "op '" in outcome.err
    assert "perfect factors" in outcome.err


def test_a_page_is_written_beside_the_answer(tmp_path: Path) -> None:
    outcome = coexplore(*COST, "edge-array", "--plot", tmp_path / "cost.html", "--json")
    assert outcome.document["feasible"]
    assert "figure-roofline" in (tmp_path / "cost.html").read_text()


def test_what_overflows_is_told_with_operand_factor_and_nearest_legal_value(tmp_path: Path) -> None:
    small = replace(ACCELERATOR.levels[2], capacity_bytes=100)
    path = tmp_path / "chip.yaml"
    path.write_text(write_text(replace(ACCELERATOR, levels=(*ACCELERATOR.levels[:2], small, ACCELERATOR.levels[3]))))
    outcome = coexplore(*COST, path, "--json")
    assert outcome.code == 1
    blocked = next(op for op in outcome.document["ops"] if not op["feasible"])
    obstacle = blocked["obstacle"]
    assert obstacle["level"] == "register_file"
    assert obstacle["need_bytes"] > obstacle["capacity_bytes"] == 100
    assert obstacle["operand"] in ("weight", "input", "output")
    assert obstacle["factor"] is None or obstacle["nearest"] < obstacle["factor"]
    assert all(word in outcome.document["reason"] for word in (blocked["name"], "register_file", obstacle["operand"]))


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
        (("cost", "nowhere.onnx", "--size", "rows", "--accelerator", "edge-array"), "--size: is 'rows'"),
        ((*COST, "edge-array", "--size", "rows=3"), "--size: is for open sizes of an ONNX file"),
        ((*COST, "edge-array", "--accounting", "timelop"), "did you mean 'timeloop'"),
        ((*COST, "edge-array", "--mapping", "nowhere.json"), "does not exist"),
        ((*COST, "edge-array", "--plot", "cost.pdf"), "--plot: is 'cost.pdf'; the page is HTML"),
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

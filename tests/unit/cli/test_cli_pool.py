"""`cost --pool` shows how FPGAs share a network, and refuses what it cannot solve with one message."""

from __future__ import annotations

import json

import pytest
from command_runs import coexplore

from coexplore.accelerators.fpga_boards import FpgaBoards
from coexplore.accelerators.fpga_devices import fpga_pool
from coexplore.cost.boards import price_on_boards
from coexplore.networks.resnet import resnet_18

COST = ("cost", "resnet-18", "--input-shape", "3,32,32")
POOL = "7a50t=2,pynq-z2"


def test_json_is_the_document_of_the_pipeline():
    outcome = coexplore(*COST, "--pool", POOL, "--json")
    expected = price_on_boards(resnet_18((3, 32, 32)), FpgaBoards(fpga_pool(POOL), (), None, None)).document()
    assert outcome.code == 0
    assert {name: outcome.document[name] for name in expected} == json.loads(json.dumps(expected))
    assert outcome.document["workload"] == "resnet-18"


def test_the_layers_of_a_stage_add_up_to_its_latency():
    document = coexplore(*COST, "--pool", POOL, "--json").document
    for number, stage in enumerate(document["stages"], start=1):
        layers = [layer for layer in document["layers"] if layer["stage"] == number]
        assert [layer["name"] for layer in layers] == stage["layers"]
        assert sum(layer["latency_s"] for layer in layers) == pytest.approx(stage["latency_s"])
        assert all(layer[f"{kind}_share"] <= 1 for layer in layers for kind in ("compute", "input", "weight", "output"))


def test_text_shows_stages_layers_and_totals():
    out = coexplore(*COST, "--pool", POOL).out
    assert all(word in out for word in ("pynq-z2", "limited by", "layer1.0.conv1", "pipeline efficiency"))


def test_a_requirement_is_met_at_the_lowest_power():
    free = coexplore(*COST, "--pool", POOL, "--json").document
    rate = free["metrics"]["throughput_per_s"]
    slow = coexplore(*COST, "--pool", POOL, "--throughput", rate / 20, "--json").document
    assert len(slow["stages"]) < len(free["stages"])
    assert slow["metrics"]["power_w"] < free["metrics"]["power_w"]
    assert slow["stages"][0]["utilisation"] <= 1


def test_a_requirement_beyond_the_pool_names_the_stage_and_the_factor(tmp_path):
    page = tmp_path / "page.html"
    outcome = coexplore(*COST, "--pool", POOL, "--throughput", "1e6", "--plot", page)
    assert outcome.code == 1
    assert "set by stage" in outcome.out
    assert "times too slow" in outcome.out
    assert "times too slow" in page.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--pool", ""), "the pool has no FPGA"),
        (("--pool", "zcu12"), "did you mean 'zcu102'"),
        (("--pool", "zcu102=-1"), "a count cannot be negative"),
        (("--pool", "zcu102", "--goal", "edp"), "--goal: is not for a pool"),
        (("--pool", "zcu102", "--accelerator", "edge-array"), "--accelerator: is not for a pool"),
        (("--pool", "zcu102", "--throughput", "0"), "--throughput: is 0"),
        (("--pool", "zcu102", "--plot", "page.png"), "the page is HTML"),
        (("--accelerator", "edge-array", "--throughput", "3"), "--throughput: is what a pool"),
    ],
)
def test_what_is_not_legal_is_refused_with_one_message(options, message):
    outcome = coexplore(*COST, *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_the_report_of_a_study_on_a_pool_has_the_pictures_of_the_pipeline(tmp_path):
    study = {
        "name": "pool",
        "network": {"fixed": "resnet-18", "input_shape": [3, 32, 32], "classes": 10},
        "accelerator": {"family": "fpga-pool"},
        "objectives": [{"maximize": "throughput_per_s"}],
        "strategy": {"name": "random"},
        "budget": {"trials": 1},
    }
    (tmp_path / "study.yaml").write_text(json.dumps(study))
    assert coexplore("run", tmp_path / "study.yaml", "--directory", tmp_path / "out").code == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert all(f"figure-{name}" in page for name in ("pipeline", "stages", "layers"))

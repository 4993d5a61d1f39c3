"""`cost` says what was optimised, and what a limited search left open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_runs import coexplore

from coexplore.accelerators.family import find_accelerator
from coexplore.cost.edp import least_edp_js
from coexplore.cost.model import Goal, price
from coexplore.networks.mobilenet_v2 import mobilenet_v2

SMALL = mobilenet_v2((3, 32, 32))
COST = ("cost", "mobilenet-v2", "--input-shape", "3,32,32", "--accelerator")


def test_json_has_the_gap_of_every_op_and_the_largest() -> None:
    document = coexplore(*COST, "simba-like", "--limit", "50", "--json").document
    cost = price(SMALL, find_accelerator("simba-like"), limit=50)
    assert (document["limit"], document["gap"]) == (50, cost.largest_gap)
    assert document["gap"] > 0
    assert [op["gap"] for op in document["ops"]] == [op.gap for op in cost.ops]
    assert document["metrics"] == cost.metrics()


def test_without_a_limit_the_gap_is_zero() -> None:
    document = coexplore(*COST, "simba-like", "--json").document
    assert (document["limit"], document["gap"]) == (None, 0.0)


def test_text_says_whether_a_limit_was_reached() -> None:
    reached = coexplore(*COST, "simba-like", "--limit", "50").out
    assert "limit 50: reached by the mappings of " in reached
    assert (
        "limit 10000000: not reached; every mapping is proven"
        in coexplore(*COST, "simba-like", "--limit", "10000000").out
    )
    assert "limit" not in coexplore(*COST, "simba-like").out


def test_a_limited_result_can_be_replayed(tmp_path: Path) -> None:
    first = coexplore(*COST, "simba-like", "--limit", "50", "--json").document
    path = tmp_path / "earlier.json"
    path.write_text(json.dumps(first))
    again = coexplore(*COST, "simba-like", "--mapping", path, "--json").document
    assert again["metrics"] == first["metrics"]
    assert (again["gap"], again["edp_at_least_js"]) == (None, None)


@pytest.mark.parametrize("limit", ["0", "-4"])
def test_a_limit_of_nothing_is_refused(limit: str) -> None:
    outcome = coexplore(*COST, "simba-like", "--limit", limit)
    assert outcome.code == 2
    assert f"--limit: is {limit}, but a search looks at one candidate at least; give a whole number" in outcome.err


@pytest.mark.parametrize("limit", ["1.5", "many"])
def test_a_limit_that_is_no_number_is_refused(limit: str) -> None:
    outcome = coexplore(*COST, "simba-like", "--limit", limit)
    assert outcome.code == 2
    assert "--limit" in outcome.err


def test_what_a_limit_is_not_for_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mappings.json"
    path.write_text(json.dumps(coexplore(*COST, "edge-array", "--json").document))
    for others, name in ((("--mapping", path), "--mapping"), (("--fuse",), "--fuse")):
        outcome = coexplore(*COST, "edge-array", "--limit", "9", *others)
        assert outcome.code == 2
        assert "--limit: is " in outcome.err
        assert name in outcome.err
    outcome = coexplore("cost", "mobilenet-v2", "--pool", "zcu102", "--limit", "9")
    assert outcome.code == 2
    assert "--limit: is not for a pool of FPGAs" in outcome.err


def test_what_was_optimised_is_said() -> None:
    cost = price(SMALL, find_accelerator("edge-array"), Goal.EDP)
    found = coexplore(*COST, "edge-array", "--json").document
    assert found["edp_at_least_js"] == least_edp_js(cost) <= cost.edp_js
    share = 100 * (1 - least_edp_js(cost) / cost.edp_js)
    assert f"other mappings may lower that by at most {share:.3g} %" in " ".join(
        coexplore(*COST, "edge-array").out.split()
    )
    assert "goal: the latency of every op, and so their sum" in coexplore(*COST, "edge-array", "--goal", "latency").out
    assert coexplore(*COST, "edge-array", "--goal", "energy", "--json").document["edp_at_least_js"] is None

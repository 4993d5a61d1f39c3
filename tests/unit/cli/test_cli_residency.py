"""`cost --residency` and `cost --fuse` say what they assume, and what it changes."""

from __future__ import annotations

import json

import pytest
from command_runs import coexplore

from coexplore.accelerators.family import find_accelerator
from coexplore.cost.fused import price_fused
from coexplore.cost.mapper import Goal
from coexplore.cost.model import price
from coexplore.cost.residency import Residency
from coexplore.networks.mobilenet_v2 import mobilenet_v2

EDGE = find_accelerator("edge-array")
SMALL = mobilenet_v2((3, 32, 32))
COST = ("cost", "mobilenet-v2", "--input-shape", "3,32,32", "--accelerator", "edge-array")


@pytest.mark.parametrize(
    ("text", "residency"), [("on-chip", Residency()), ("0.125,0.5", Residency(0.125, 0.5)), ("0,0", Residency(0, 0))]
)
def test_json_is_the_price_under_the_assumption(text: str, residency: Residency) -> None:
    found = coexplore(*COST, "--residency", text, "--json").document
    expected = json.loads(json.dumps(price(SMALL, EDGE, residency=residency).document()))
    assert {name: found[name] for name in expected} == expected


def test_the_assumption_is_printed() -> None:
    assert "residency: every op reads from and writes to main memory" in coexplore(*COST).out
    out = coexplore(*COST, "--residency", "on-chip").out
    assert "residency: activations of up to 25 % of the on-chip memory stay there" in out


def test_fused_chains_are_those_of_the_cost_model() -> None:
    found = coexplore(*COST, "--fuse", "--goal", "latency", "--json").document
    fused = price_fused(SMALL, EDGE, Goal.LATENCY)
    assert found["fused"] == json.loads(json.dumps(fused.document()))
    assert found["metrics"]["latency_s"] == fused.unfused.latency_s
    out = coexplore(*COST, "--fuse", "--goal", "latency").out
    assert "chains fused for latency" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--residency", "half"), "--residency: is 'half'; give on-chip, main-memory, or shares"),
        (("--residency", "2,0"), "residency.activation_share: is 2.0; give a share of the on-chip memory, 0 to 1"),
        (("--residency", "on-chip", "--accounting", "timeloop"), "knows no operands that live on chip"),
        (("--fuse", "--accounting", "timeloop"), "--fuse: searches mappings of its own"),
    ],
)
def test_what_cannot_be_assumed_is_refused(options: tuple[str, ...], message: str) -> None:
    outcome = coexplore(*COST, *options)
    assert outcome.code == 2
    assert message in outcome.err

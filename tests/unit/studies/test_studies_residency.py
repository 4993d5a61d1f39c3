"""A study says what its prices assume to stay on chip."""

from __future__ import annotations

import pytest

from coexplore.core.errors import ConfigError
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.studies.config import parse_config, residency_of, resolve
from coexplore.studies.sources import CostPricer

STUDY = {
    "name": "chip",
    "network": {"fixed": "mobilenet-v2"},
    "accelerator": {"family": "edge-array"},
    "objectives": [{"minimize": "latency_s"}, {"minimize": "area_mm2"}],
    "strategy": {"name": "random"},
}


@pytest.mark.parametrize(
    ("cost", "residency"),
    [
        ({}, MAIN_MEMORY),
        ({"residency": {}}, Residency(0.25, 0.0)),
        ({"residency": {"activation_share": 0.5, "weight_share": 0.25}}, Residency(0.5, 0.25)),
    ],
)
def test_the_pricer_assumes_what_the_study_says(cost, residency):
    resolved = resolve(parse_config({**STUDY, "cost": cost}))
    assert isinstance(resolved.problem.pricer, CostPricer)
    assert resolved.problem.pricer.residency == residency
    assert residency_of(parse_config(resolved.config.document())) == residency


def test_a_study_that_says_nothing_keeps_its_document():
    assert "cost" not in parse_config(STUDY).document()
    assert residency_of(parse_config(STUDY)) == MAIN_MEMORY


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ({"residency": {"activation_share": 1.5}}, "cost.residency.activation_share: is 1.5"),
        (
            {"residency": {"activations_share": 0.5}},
            "cost.residency.activations_share: unknown field; did you mean",
        ),
        ({"resident": {}}, "cost.resident: unknown field; did you mean 'residency'"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(cost, message):
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
        parse_config({**STUDY, "cost": cost})

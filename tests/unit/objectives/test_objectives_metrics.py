from __future__ import annotations

import pytest

from coexplore.core.errors import UnknownNameError
from coexplore.objectives.metrics import METRICS, Direction, Source

UNITS = {"_s": "s", "_j": "J", "_js": "J s", "_mm2": "mm2", "_w": "W", "_per_s": "1/s", "gops_per_w": "GOP/J"}


def test_every_metric_is_registered_under_its_own_name():
    assert all(METRICS.get(name).name == name for name in METRICS)


def test_the_metrics_of_the_contract_are_known():
    assert set(METRICS) == {
        "accuracy",
        "area_mm2",
        "devices",
        "edp_js",
        "energy_j",
        "gops_per_w",
        "hardware_cost",
        "latency_s",
        "macs",
        "mapping_gap",
        "parameters",
        "pipeline_efficiency",
        "power_w",
        "throughput_per_s",
        "utilisation",
    }


@pytest.mark.parametrize("name", list(METRICS))
def test_a_unit_in_the_name_is_the_unit(name):
    endings = [ending for ending in UNITS if name.endswith(ending)]
    if endings:
        assert METRICS.get(name).unit == UNITS[max(endings, key=len)]


def test_only_accuracy_needs_training():
    assert [name for name in METRICS if METRICS.get(name).source is Source.ACCURACY] == ["accuracy"]


def test_the_wish_is_more_accuracy_throughput_and_utilisation_and_less_of_all_else():
    more = {name for name in METRICS if METRICS.get(name).direction is Direction.MAXIMIZE}
    assert more == {"accuracy", "throughput_per_s", "utilisation", "pipeline_efficiency", "gops_per_w"}


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'latency_s'"):
        METRICS.get("latency")

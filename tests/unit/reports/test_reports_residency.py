"""What prices assume to stay on chip survives a bundle, and stands over its tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import ConfigError
from coexplore.cost.model import WorkloadCost, price
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.reports.bundle import Contents, read_bundle, write_bundle
from coexplore.reports.cost_tables import op_table

EDGE = find_accelerator("edge-array")
FAMILY = PlainCnn(layers=(1,), filters=(4,))
SMALL = FAMILY.lower(next(FAMILY.space.enumerate()))
ASSUMED = Residency(0.25, 0.25)


@pytest.fixture(scope="module")
def cost() -> WorkloadCost:
    return price(SMALL, EDGE, residency=ASSUMED)


@pytest.fixture
def folder(tmp_path: Path, cost: WorkloadCost) -> Path:
    write_bundle(tmp_path / "bundle", Contents(SMALL, EDGE, cost, {}, {"name": "a study"}, 0, cost.metrics()))
    return tmp_path / "bundle"


def test_a_bundle_costs_what_it_cost_under_its_assumption(folder: Path, cost: WorkloadCost) -> None:
    bundle = read_bundle(folder)
    assert bundle.residency == ASSUMED
    assert price(bundle.workload, bundle.accelerator, mappings=bundle.mappings, residency=bundle.residency) == cost
    assert cost.latency_s < price(SMALL, EDGE).latency_s


def test_a_bundle_from_before_assumes_main_memory_and_a_damaged_one_is_refused(folder: Path) -> None:
    path = folder / "metrics.json"
    document = json.loads(path.read_text())
    del document["residency"]
    path.write_text(json.dumps(document))
    assert read_bundle(folder).residency == MAIN_MEMORY
    for wrong in ([], {"activation": 0.5}, {"activation_share": "much"}, {"weight_share": 2}):
        path.write_text(json.dumps({**document, "residency": wrong}))
        with pytest.raises(ConfigError, match="residency"):
            read_bundle(folder)


def test_the_table_of_ops_says_what_is_assumed(cost: WorkloadCost) -> None:
    assert "stay there" in op_table(cost).title
    assert "stay" not in op_table(price(SMALL, EDGE)).title

"""Tables of a priced workload say what the cost model says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coexplore.accelerators import edge_array  # noqa: F401 - enters itself among the families
from coexplore.accelerators.family import find_accelerator
from coexplore.cost.model import WorkloadCost, price
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.reports.cost_tables import area_table, op_table, total_table

ACCELERATOR = find_accelerator("edge-array")


@pytest.fixture(scope="module")
def cost() -> WorkloadCost:
    family = PlainCnn(layers=(2,), filters=(8,))
    return price(family.lower(next(family.space.enumerate())), ACCELERATOR)


def test_every_op_that_takes_time_has_a_row(cost: WorkloadCost) -> None:
    assert [row[0] for row in op_table(cost).rows] == [op.name for op in cost.ops if op.total_cycles > 0]


def test_shares_of_latency_add_up(cost: WorkloadCost) -> None:
    shares = [float(row[4].removesuffix(" %")) for row in op_table(cost).rows]
    assert sum(shares) == pytest.approx(100, abs=0.05 * len(shares))


def test_an_op_that_cannot_run_says_so(cost: WorkloadCost) -> None:
    first = replace(cost.ops[0], feasible=False, reason="too large", latency_s=float("inf"), energy_j=float("inf"))
    table = op_table(replace(cost, ops=(first, *cost.ops[1:])))
    assert table.rows[0][-1] == "cannot run"
    assert {row[4] for row in table.rows} == {"-"}


def test_areas_add_up_to_the_total() -> None:
    *parts, total = area_table(ACCELERATOR).rows
    areas = [float(row[1].removesuffix(" mm²")) for row in parts]
    assert sum(areas) == pytest.approx(float(total[1].removesuffix(" mm²")), rel=1e-3)


def test_totals_are_the_metrics(cost: WorkloadCost) -> None:
    rows = dict(total_table(cost).rows)
    assert rows["latency"].endswith("s")
    assert set(rows) >= {"latency", "energy", "area", "MACs", "parameters"}
    assert len(rows) == len(cost.metrics())

"""Totals of many networks on many accelerators are those of `price`, with and without tensors that stay on chip."""

from __future__ import annotations

import numpy as np
import pytest

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.core.errors import WorkloadError
from coexplore.cost.model import price
from coexplore.cost.network_table import NetworkTable, count_ops, price_networks
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.cost.resident_table import price_resident_networks
from coexplore.networks.nas_bench_macro import NasBenchMacro
from coexplore.networks.nb201 import Nb201

FAMILY = EdgeArray(
    pes_x=(1, 2), pes_y=(1,), simd_units=(16,), lanes=(2,), local_memory_mb=(0.5, 2.0), register_file_kb=(8,),
    io_bandwidth_gb_s=(5.0, 25.0),
)  # fmt: skip
CHIPS = [FAMILY.decode(point) for point in FAMILY.space.enumerate()]


def workloads(family, step):
    return [family.lower(point) for point in list(family.space.enumerate())[::step]]


NETWORKS = workloads(Nb201(input_shape=(3, 8, 8), cells=1), 3000) + workloads(NasBenchMacro(), 2500)


def totals(tables):
    latency, energy = (np.full((len(NETWORKS), len(CHIPS)), np.nan) for _ in range(2))
    for table in tables:
        latency[:, table.places], energy[:, table.places] = table.totals(np.arange(len(NETWORKS)))
    return latency, energy


def prices(residency):
    costs = [[price(workload, chip, residency=residency) for chip in CHIPS] for workload in NETWORKS]
    return tuple(
        np.array([[getattr(cost, name) for cost in row] for row in costs]) for name in ("latency_s", "energy_j")
    )


def test_totals_are_those_of_price():
    table = price_networks(count_ops(NETWORKS), CHIPS)
    for ours, theirs in zip(totals([table]), prices(MAIN_MEMORY), strict=True):
        assert (ours == theirs).all()
    assert (table.area_mm2 == [chip.area_mm2 for chip in CHIPS]).all()


@pytest.mark.parametrize("residency", [Residency(0.02), Residency(0.25), Residency(0.1, 0.3), MAIN_MEMORY], ids=str)
def test_totals_with_residents_are_those_of_price(residency):
    tables = price_resident_networks(NETWORKS, CHIPS, residency)
    for ours, theirs in zip(totals(tables), prices(residency), strict=True):
        assert (ours == theirs).all()
    assert sorted(place for table in tables for place in table.places) == list(range(len(CHIPS)))


def test_memories_that_keep_other_tensors_are_other_tables():
    assert len(price_resident_networks(NETWORKS, CHIPS, Residency(0.02))) > 1
    assert len(price_resident_networks(NETWORKS, CHIPS, MAIN_MEMORY)) == 1


def test_parts_of_a_table_are_its_parts():
    table = price_networks(count_ops(NETWORKS), CHIPS)
    part = table.on(np.array([3, 1])).of(np.array([2, 0]))
    assert part.counts.any(axis=0).all()
    latency, energy = part.totals(np.array([0, 1]))
    whole_latency, whole_energy = table.totals(np.array([2, 0]))
    assert (latency == whole_latency[:, [3, 1]]).all()
    assert (energy == whole_energy[:, [3, 1]]).all()
    assert part.places.tolist() == [3, 1]


def test_a_table_fits_together():
    with pytest.raises(WorkloadError, match="shapes"):
        NetworkTable(np.ones((2, 3), np.int64), np.ones((3, 4)), np.ones((2, 4)), np.ones(4), np.arange(4))

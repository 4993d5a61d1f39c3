"""Prices of whole workloads: what adds up, what rides along, what is blocked, what survives its document."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import MappingError
from coexplore.cost.model import Goal, mappings_document, mappings_from_document, price
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import BatchNorm, Bits, Conv2d, Elementwise, Function, Linear, Reshape, Softmax

BASELINE = find_accelerator("edge-array")


def chain(*ops):
    return Workload("chain", (("image", (1, 8, 14, 14)),), ops, (ops[-1].name,))


CONV = Conv2d("conv", ("image",), out_channels=16, kernel=(3, 3), padding=(1, 1))
NORM = BatchNorm("norm", ("conv",))
RELU = Elementwise("relu", ("norm",), Function.RELU)


def test_totals_are_sums_over_ops():
    cost = price(mobilenet_v2(input_shape=(3, 32, 32), classes=10), BASELINE)
    assert cost.latency_s == math.fsum(op.latency_s for op in cost.ops)
    assert cost.energy_j == math.fsum(op.energy_j for op in cost.ops)
    assert cost.edp_js == cost.latency_s * cost.energy_j
    for op in cost.ops:
        assert math.isclose(op.energy_j, math.fsum(joule for _, _, joule in op.energy_by), rel_tol=1e-12, abs_tol=0.0)


def test_normalisation_and_activation_ride_along():
    alone, dressed = price(chain(CONV), BASELINE), price(chain(CONV, NORM, RELU), BASELINE)
    assert dressed.latency_s == alone.latency_s
    assert [op.bound for op in dressed.ops[1:]] == ["fused", "fused"]
    assert dressed.energy_j > alone.energy_j


def test_an_activation_of_a_shared_tensor_pays_its_traffic():
    total = Elementwise("sum", ("conv", "relu"), Function.ADD)
    cost = price(chain(CONV, replace(RELU, inputs=("conv",)), total), BASELINE)
    assert cost.ops[1].bound == "dram bandwidth"
    assert cost.ops[1].latency_s > 0


def test_views_cost_nothing():
    cost = price(
        chain(CONV, Reshape("flat", ("conv",), shape=(1, -1)), Linear("fc", ("flat",), out_features=4)), BASELINE
    )
    assert (cost.ops[1].latency_s, cost.ops[1].energy_j) == (0.0, 0.0)


def test_renaming_ops_changes_nothing():
    renamed = chain(
        replace(CONV, name="a"), replace(NORM, name="b", inputs=("a",)), replace(RELU, name="c", inputs=("b",))
    )
    assert price(renamed, BASELINE).metrics() == price(chain(CONV, NORM, RELU), BASELINE).metrics()


def test_a_vector_op_pays_for_every_byte_it_reads_and_writes():
    cost = price(chain(CONV, Softmax("soft", ("conv",))), BASELINE)
    moved_bits = 2 * 16 * 14 * 14 * 8
    memory = BASELINE.levels[0]
    from_memory = sum(joule for level, _, joule in cost.ops[1].energy_by if level == memory.name)
    assert math.isclose(from_memory, moved_bits * memory.read_j_per_bit)
    assert cost.ops[1].total_cycles == moved_bits / 8 / memory.read_bytes_per_cycle


def test_given_mappings_are_replayed_to_the_last_bit():
    workload = chain(CONV, NORM, RELU)
    cost = price(workload, BASELINE, Goal.LATENCY)
    again = mappings_from_document(json.loads(json.dumps(mappings_document(cost))))
    assert price(workload, BASELINE, mappings=again).metrics() == cost.metrics()


def test_a_missing_mapping_names_its_op():
    with pytest.raises(MappingError, match="no mapping for op 'conv'"):
        price(chain(CONV), BASELINE, mappings={})


@pytest.mark.parametrize("document", [3, {"conv": 1}, {"conv": [{"temporal": [["Z", 2]], "spatial": []}]}])
def test_a_damaged_mapping_document_is_refused(document):
    with pytest.raises(MappingError):
        mappings_from_document(document)


def test_a_blocked_op_blocks_its_workload_with_a_reason():
    cost = price(chain(replace(CONV, bits=Bits(16, 16, 16, 32))), BASELINE)
    assert not cost.feasible
    assert "op 'conv' cannot run" in cost.reason
    assert "16 bits" in cost.reason
    assert cost.document()["metrics"] == {"area_mm2": BASELINE.area_mm2}
    json.dumps(cost.document(), allow_nan=False)

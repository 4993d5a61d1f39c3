"""A network on FPGAs costs what its best pipeline costs, and where there is none the stage in the way is named."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from coexplore.accelerators.fpga import FpgaDesign, Ports
from coexplore.accelerators.fpga_pipeline import Engine, FpgaPipeline
from coexplore.cost.boards import BOARD_METRICS, engines_of, price_on_boards
from coexplore.cost.fpga_layers import fpga_layers
from coexplore.cost.fpga_pipeline import fpga_stages
from coexplore.cost.pipeline import cheapest, fastest
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.spaces.space import Point

NETWORK = PlainCnn().assemble([(3, 8, 1), (5, 16, 1), (1, 24, 1), (3, 8, 1)])
POOL = ("pynq-z2", "7a50t", "7a50t")


def on_pool(network=NETWORK, **settings):
    return price_on_boards(network, FpgaPipeline(pool=POOL, **settings).decode(Point()))


@pytest.fixture(scope="module")
def free():
    return on_pool()


def fixed(cost, **settings):
    engines = tuple(Engine(device, design) for device, design in engines_of(cost.stages, cost.fastest))
    family = FpgaPipeline(pool=POOL, engines=engines, **settings)
    return family.decode(family.presets["baseline"])


def test_without_a_requirement_it_is_the_fastest_pipeline_of_the_pool(free):
    stages = fpga_stages(fpga_layers(NETWORK), FpgaPipeline(pool=POOL).decode(Point()).pool.entries)
    assert free.metrics()["throughput_per_s"] == fastest(stages.table).pipeline.throughput
    assert free.metrics().keys() == BOARD_METRICS
    assert not free.reason


def test_with_a_requirement_it_is_the_cheapest_that_meets_it(free):
    required = 0.4 * free.metrics()["throughput_per_s"]
    cost = on_pool(throughput_per_s=required)
    metrics = cost.metrics()
    assert metrics["hardware_cost"] == cheapest(free.stages.table, required).pipeline.cost
    assert metrics["hardware_cost"] < free.metrics()["hardware_cost"]
    assert metrics["throughput_per_s"] >= required
    assert metrics["energy_j"] == pytest.approx(metrics["power_w"] / required)
    assert metrics["gops_per_w"] * metrics["energy_j"] == pytest.approx(2e-9 * NETWORK.macs)
    assert metrics["pipeline_efficiency"] == pytest.approx(
        required * math.fsum(stage.latency_s for stage in cost.plan.pipeline.stages) / metrics["devices"]
    )


def test_a_requirement_out_of_reach_names_the_stage_and_by_how_much(free):
    cost = on_pool(throughput_per_s=3 * free.metrics()["throughput_per_s"])
    assert cost.violation == pytest.approx(2.0)
    assert "it is 3 times too slow" in cost.reason
    assert "set by stage" in cost.reason
    assert cost.utilisation_of("conv1") > 1
    assert cost.metrics()["throughput_per_s"] == free.metrics()["throughput_per_s"]


def test_a_layer_is_as_busy_as_its_stage(free):
    for stage, busy in zip(free.fastest.stages, free.fastest.utilisation, strict=True):
        assert [free.utilisation_of(name) for name in free.stages.table.layers[stage.first : stage.end]] == [busy] * (
            stage.end - stage.first
        )
    assert free.utilisation_of("no such layer") is None


def test_more_stages_than_layers_are_a_reason():
    small = PlainCnn(layers=(1,)).assemble([(3, 8, 1)])
    cost = on_pool(small, stages=3)
    assert cost.reason == "3 stages are more than the 2 layers; a stage needs a layer"
    assert cost.metrics() == {}


def test_exactly_as_many_stages_as_asked_for():
    assert [on_pool(stages=n).metrics()["devices"] for n in (1, 2, 3)] == [1, 2, 3]


def test_fixing_the_best_pipeline_changes_nothing(free):
    cost = price_on_boards(NETWORK, fixed(free))
    assert cost.metrics() == pytest.approx(free.metrics())
    assert cost.document()["stages"] == free.document()["stages"]


def test_boards_fixed_for_one_network_are_never_faster_than_the_pool_for_another(free):
    for layers in ([(3, 16, 1)] * 4, [(1, 36, 1), (3, 8, 1), (5, 8, 1)]):
        other = PlainCnn().assemble(layers)
        boards = price_on_boards(other, fixed(free)).metrics()
        assert not boards or boards["throughput_per_s"] <= on_pool(other).metrics()["throughput_per_s"] * (1 + 1e-9)


def test_fixed_boards_that_are_too_slow_say_so(free):
    cost = price_on_boards(NETWORK, fixed(free, throughput_per_s=2 * free.metrics()["throughput_per_s"]))
    assert cost.violation == pytest.approx(1.0)
    assert "set by stage" in cost.reason


def test_a_kernel_that_no_fixed_engine_holds_is_named():
    design = FpgaDesign(tm=8, tn=4, tr=8, tc=8, tk=3, ports=Ports(2, 2, 2))
    family = FpgaPipeline(engines=(Engine("pynq-z2", design),))
    boards = family.decode(family.presets["baseline"])
    assert "layer 'conv1' fits none of the fixed boards" in price_on_boards(NETWORK, boards).reason
    wide = replace(boards, engines=(replace(boards.engines[0], design=replace(design, tk=5)),))
    assert not price_on_boards(NETWORK, wide).reason


def test_buffers_that_a_built_engine_has_must_fit_its_fpga_even_if_no_layer_fills_them():
    design = FpgaDesign(tm=8, tn=4, tr=8, tc=8, tk=5, ports=Ports(2, 2, 2))
    family = FpgaPipeline(engines=(Engine("pynq-z2", design),))
    boards = family.decode(family.presets["baseline"])
    cost = price_on_boards(NETWORK, boards)
    (stage,) = cost.plan.pipeline.stages
    assert cost.stages.cost(stage).design == design
    assert cost.stages.cost(stage).feasible
    huge = replace(boards, engines=(replace(boards.engines[0], design=replace(design, tk=200)),))
    assert "or the buffers of an engine for its FPGA" in price_on_boards(NETWORK, huge).reason


def test_networks_that_differ_in_names_only_keep_their_names():
    renamed = replace(NETWORK, ops=tuple(_renamed(op) for op in NETWORK.ops), outputs=("x.fc",))
    assert on_pool(renamed).stages.table.layers == tuple(f"x.{name}" for name in on_pool().stages.table.layers)
    assert on_pool(renamed).metrics() == on_pool().metrics()


def _renamed(op):
    return replace(op, name=f"x.{op.name}", inputs=tuple(f"x.{i}" if i != "image" else i for i in op.inputs))

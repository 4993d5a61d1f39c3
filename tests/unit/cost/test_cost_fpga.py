"""The closed form of the tile engine: against the equations written out, against published numbers, and by its laws."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.accelerators.fpga import FpgaDesign, Ports
from coexplore.accelerators.fpga_devices import fpga_device
from coexplore.core.errors import AcceleratorError
from coexplore.cost.fpga import AS_PUBLISHED, CONSISTENT, RULES, Bottleneck, FpgaRules, price_on_fpga
from coexplore.cost.fpga_layers import FpgaLayer, Shapes, fpga_layers
from coexplore.networks.alexnet_one_column import alexnet_one_column
from coexplore.networks.mnasnet import mnasnet_1_0
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.networks.resnet import resnet_18

DEVICE = fpga_device("zcu102")
sizes = st.integers(1, 40)
ports = st.builds(Ports, *(st.integers(1, 20),) * 3)
designs = st.builds(FpgaDesign, sizes, sizes, sizes, sizes, st.just(7), ports, sizes, st.just(7))
rules = st.builds(
    FpgaRules, stride_twice=st.booleans(), channel_tiles_twice=st.booleans(), halo=st.booleans(), drain=st.booleans()
)


@st.composite
def layers(draw):
    channels, kernel, alone = draw(sizes), draw(st.integers(1, 7)), draw(st.booleans())
    return FpgaLayer(
        "layer", M=channels, N=channels if alone else draw(sizes), R=draw(sizes), C=draw(sizes),
        kernel=(kernel, kernel), stride=(s := draw(st.integers(1, 3)), s), padding=(kernel // 2, kernel // 2),
        B=draw(st.integers(1, 3)), depthwise=alone,
    )  # fmt: skip


def by_the_equations(layer, design, rules):
    """Section 5 of the published model, line by line."""
    M, N, R, C, K, S, P = layer.M, layer.N, layer.R, layer.C, layer.kernel[0], layer.stride[0], layer.padding[0]
    Tm, Tn = (design.tm_d, design.tm_d) if layer.depthwise else (design.tm, design.tn)
    tr, tc = min(design.tr, R), min(design.tc, C)
    if rules.stride_twice:
        t_comp = K * K * math.ceil(min(design.tr, R + 2 * P) / S) * math.ceil(min(design.tc, C + 2 * P) / S)
        t_out = min(Tm, M) * math.ceil(tr / S) * math.ceil(tc / S) / design.ports.output
    else:
        t_comp, t_out = K * K * tr * tc, min(Tm, M) * tr * tc / design.ports.output
    in_tile = ((tr - 1) * S + K) * ((tc - 1) * S + K) if rules.halo else tr * tc
    t_in = min(Tn, N) * in_tile / design.ports.input
    t_weight = (Tm if layer.depthwise else Tm * Tn) * K * K / design.ports.weight
    lat1 = max(t_comp, t_in, t_weight)
    inner = 1 if layer.depthwise and not rules.channel_tiles_twice else math.ceil(N / Tn)
    lat2 = max(inner * lat1, t_out)
    latency = layer.B * math.ceil(R / design.tr) * math.ceil(C / design.tc) * math.ceil(M / Tm) * lat2
    return latency + (t_out + lat1 if rules.drain else 0)


@given(layers(), designs, rules)
def test_cycles_are_those_of_the_equations(layer, design, rules):
    cost = price_on_fpga([layer], design, DEVICE, rules)
    assert cost.cycles == pytest.approx(by_the_equations(layer, design, rules), rel=1e-12)


@given(layers(), designs)
def test_a_wider_port_is_never_slower(layer, design):
    for name in ("weight", "input", "output"):
        wider = replace(design, ports=replace(design.ports, **{name: getattr(design.ports, name) + 1}))
        assert price_on_fpga([layer], wider, DEVICE).cycles <= price_on_fpga([layer], design, DEVICE).cycles


@given(layers(), designs)
def test_no_layer_is_faster_than_its_multipliers(layer, design):
    multipliers = design.tm_d if layer.depthwise else design.tm * design.tn
    assert price_on_fpga([layer], design, DEVICE).cycles * multipliers >= layer.macs


@given(layers(), designs)
def test_the_bottleneck_names_what_is_busy_longest(layer, design):
    row = price_on_fpga([layer], design, DEVICE).layers[0]
    busy = {
        Bottleneck.COMPUTE: row.compute_cycles,
        Bottleneck.INPUT: row.input_cycles,
        Bottleneck.WEIGHT: row.weight_cycles,
        Bottleneck.OUTPUT: row.output_cycles,
    }
    assert busy[row.bottleneck] == max(busy.values())


def test_a_set_of_layers_is_bound_by_what_binds_the_most_cycles():
    layers = [FpgaLayer("compute", 64, 64, 28, 28, (3, 3)), FpgaLayer("weights", 64, 64, 1, 1)]
    design = FpgaDesign(8, 8, 28, 28, 3, Ports(1, 8, 8))
    cost = price_on_fpga(layers, design, DEVICE)
    assert [row.bottleneck for row in cost.layers] == [Bottleneck.COMPUTE, Bottleneck.WEIGHT]
    assert cost.bottleneck is Bottleneck.COMPUTE
    assert price_on_fpga(layers[1:] * 2, design, DEVICE).bottleneck is Bottleneck.WEIGHT


@pytest.mark.parametrize(
    ("build", "design", "published_ms", "consistent_ms"),
    [
        (alexnet_one_column, FpgaDesign(70, 36, 64, 32, 11, Ports(18, 6, 2)), 4.0483, 5.20475),
        (resnet_18, FpgaDesign(70, 36, 64, 64, 7, Ports(18, 6, 6)), 12.54656, 14.521372),
        (mobilenet_v2, FpgaDesign(160, 12, 32, 32, 3, Ports(10, 10, 10), 576, 3), 12.585792, 10.646736),
        (mnasnet_1_0, FpgaDesign(100, 18, 32, 32, 3, Ports(10, 10, 10), 704, 5), 11.885112, 9.539288),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_published_latencies_at_100_mhz_and_consistent_ones_at_200(build, design, published_ms, consistent_ms):
    """Result files of hotNAS-CODES20, and values calculated by hand from the repaired equations."""

    def cycles(rules):
        return price_on_fpga(fpga_layers(build(), rules.shapes, convolutions_only=True), design, DEVICE, rules).cycles

    assert round(cycles(AS_PUBLISHED) / 1e5, 9) == published_ms
    assert cycles(CONSISTENT) / 2e5 == pytest.approx(consistent_ms, abs=5e-7)


def test_every_trap_changes_something_by_itself():
    """Traps 1, 2 and 5; 3 is in how ports are read, 4 below."""
    resnet, mobilenet = resnet_18(), mobilenet_v2()
    dense, both = FpgaDesign(70, 36, 64, 64, 7, Ports(18, 6, 6)), FpgaDesign(99, 18, 32, 32, 3, Ports(9, 9, 9), 576, 3)

    def cycles(workload, design, rules):
        layers = fpga_layers(workload, rules.shapes, convolutions_only=True)
        return price_on_fpga(layers, design, DEVICE, rules).cycles

    assert cycles(resnet, dense, replace(AS_PUBLISHED, shapes=Shapes.TRUE)) > cycles(resnet, dense, AS_PUBLISHED)
    assert cycles(resnet, dense, replace(AS_PUBLISHED, stride_twice=False)) > cycles(resnet, dense, AS_PUBLISHED)
    once = replace(AS_PUBLISHED, channel_tiles_twice=False)
    assert cycles(mobilenet, both, once) < cycles(mobilenet, both, AS_PUBLISHED)


def test_the_published_design_breaks_its_own_memory_rule_once_that_is_enforced():
    layers = fpga_layers(resnet_18(), convolutions_only=True)
    design = FpgaDesign(70, 36, 64, 64, 7, Ports(18, 6, 6))
    assert price_on_fpga(layers, design, DEVICE, AS_PUBLISHED).feasible
    cost = price_on_fpga(layers, design, DEVICE, replace(AS_PUBLISHED, enforce_memory=True))
    assert (cost.usage.input_bram18, cost.usage.output_bram18, cost.usage.weight_bram18) == (288, 560, 2520)
    assert cost.reason == "bram18: needs 3368, 1544 more than 1824"


def test_weight_banks_without_block_ram_lie_in_look_up_tables():
    """18 words of 16 bits fit 32 x 18 bits: three quads of look-up tables a bank."""
    layer = FpgaLayer("layer", 64, 64, 14, 14, (3, 3))
    small = replace(DEVICE, bram18=2 * (32 + 64) + 1000)
    usage = price_on_fpga([layer], FpgaDesign(64, 32, 14, 14, 3, Ports(8, 8, 8)), small).usage
    assert usage.weight_bram18 == 1000
    assert usage.weight_lut == (64 * 32 - 1000) * 12


@pytest.mark.parametrize(
    ("design", "resource"),
    [
        (FpgaDesign(100, 100, 7, 7, 3, Ports(2, 2, 2)), "dsp"),
        (FpgaDesign(8, 8, 7, 7, 3, Ports(20, 20, 20)), "port_bits"),
        (FpgaDesign(8, 8, 7, 7, 1, Ports(2, 2, 2)), "kernel"),
    ],
)
def test_a_design_that_does_not_fit_says_which_resource_and_by_how_much(design, resource):
    cost = price_on_fpga([FpgaLayer("layer", 64, 64, 14, 14, (3, 3))], design, DEVICE)
    assert not cost.feasible
    shortage = next(found for found in cost.shortages if found.resource == resource)
    assert shortage.needed > shortage.available
    assert f"{resource}: needs {shortage.needed:g}" in cost.reason


def test_main_memory_limits_the_ports_together():
    layer, design = FpgaLayer("layer", 64, 64, 14, 14), FpgaDesign(8, 8, 14, 14, 1, Ports(8, 8, 8))
    slow = replace(DEVICE, bandwidth_gb_s=1.0)
    assert [found.resource for found in price_on_fpga([layer], design, slow).shortages] == ["bandwidth"]
    assert price_on_fpga([layer], design, slow, replace(CONSISTENT, enforce_bandwidth=False)).feasible


def test_an_engine_without_a_depthwise_part_runs_channel_by_channel():
    alone = FpgaLayer("layer", 32, 32, 14, 14, (3, 3), depthwise=True)
    design = FpgaDesign(8, 8, 14, 14, 3, Ports(8, 8, 8))
    groups = FpgaLayer("layer", 1, 1, 14, 14, (3, 3), B=32)
    cost = price_on_fpga([alone], design, DEVICE)
    assert cost.cycles == price_on_fpga([groups], design, DEVICE).cycles
    assert cost.macs == alone.macs == groups.macs


def test_figures_of_merit_follow_from_cycles():
    cost = price_on_fpga([FpgaLayer("layer", 64, 64, 14, 14)], FpgaDesign(8, 8, 14, 14, 1, Ports(8, 8, 8)), DEVICE)
    assert cost.latency_s == cost.cycles / 200e6
    assert cost.energy_j == pytest.approx(DEVICE.power_w * cost.latency_s)
    assert cost.gops == pytest.approx(2 * 64 * 64 * 14 * 14 / cost.latency_s / 1e9)


def test_nothing_has_no_price():
    with pytest.raises(AcceleratorError, match="no layers"):
        price_on_fpga([], FpgaDesign(8, 8, 14, 14, 1, Ports(8, 8, 8)), DEVICE)


def test_presets_have_names():
    assert RULES == {"consistent": CONSISTENT, "as-published": AS_PUBLISHED}

"""What is optimised where every op minimises its own energy-delay product, and how far that is from the least."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coexplore.accelerators.family import find_accelerator
from coexplore.cost.edp import least_edp_js
from coexplore.cost.mapper import Goal
from coexplore.cost.model import price
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.testing.cost_cases import small_accelerators
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, Elementwise, Function

SYSTOLIC = find_accelerator("systolic")


def pair_of_layers() -> Workload:
    """A depthwise and a pointwise convolution side by side."""
    depthwise = Conv2d("depthwise", ("a",), out_channels=32, kernel=(3, 3), padding=(1, 1), groups=32)
    pointwise = Conv2d("pointwise", ("b",), out_channels=32, kernel=(1, 1))
    inputs = (("a", (1, 32, 14, 14)), ("b", (1, 64, 28, 28)))
    return Workload("two", inputs, (depthwise, pointwise), ("depthwise", "pointwise"))


def products(workload, accelerator, limit=None) -> list[float]:
    """Energy-delay products of the network under every choice of a goal for each op."""
    costs = [price(workload, accelerator, goal, limit=limit).ops for goal in Goal]
    choices = itertools.product(*zip(*costs, strict=True))
    return [math.fsum(op.energy_j for op in ops) * math.fsum(op.latency_s for op in ops) for ops in choices]


def test_the_ops_own_best_products_are_not_the_best_of_the_network():
    cost = price(pair_of_layers(), SYSTOLIC, Goal.EDP)
    best = min(products(pair_of_layers(), SYSTOLIC))
    assert best < cost.edp_js * 0.999
    assert least_edp_js(cost) <= best


@pytest.mark.parametrize("limit", [None, 40])
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_choice_of_mappings_goes_below_the_bound(limit, data):
    accelerator, channels = data.draw(small_accelerators()), data.draw(st.integers(1, 5))
    ops = (
        Conv2d("first", ("x",), out_channels=channels, kernel=(3, 3), padding=(1, 1)),
        Conv2d("second", ("first",), out_channels=data.draw(st.integers(1, 5)), kernel=(1, 1)),
        Elementwise("sum", ("second", "second"), Function.ADD),
    )
    workload = Workload("chain", (("x", (1, data.draw(st.integers(1, 5)), 5, 4)),), ops, ("sum",))
    bound = least_edp_js(price(workload, accelerator, Goal.EDP, limit=limit))
    assert bound <= min(products(workload, accelerator)) * (1 + 1e-9)


def test_of_a_single_op_the_bound_is_its_price():
    op = Conv2d("only", ("x",), out_channels=8, kernel=(3, 3))
    cost = price(Workload("one", (("x", (1, 4, 9, 9)),), (op,), ("only",)), SYSTOLIC)
    assert least_edp_js(cost) == pytest.approx(cost.edp_js, rel=1e-12)


def test_of_a_network_on_the_edge_array_it_is_close():
    cost = price(mobilenet_v2((3, 32, 32)), find_accelerator("edge-array"))
    assert 0.99 * cost.edp_js < least_edp_js(cost) <= cost.edp_js

"""Prices come from the cost engine, accuracies from training on the data the study began with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coexplore.accelerators.family import find_accelerator
from coexplore.accuracy.data import Digits
from coexplore.accuracy.training import Recipe
from coexplore.core.errors import DataError
from coexplore.cost.model import Goal, price
from coexplore.design import Design, DesignSpace, FixedAccelerator
from coexplore.networks.network import Network
from coexplore.spaces.space import Point
from coexplore.studies.sources import CostPricer, RealTraining
from coexplore.testing.toy import ToyNetworks

NETWORK = Network(ToyNetworks(), ToyNetworks().space.point({"width": 2, "depth": 1}))


def test_prices_are_those_of_the_cost_engine() -> None:
    accelerator = find_accelerator("edge-array")
    for goal in Goal:
        cost = price(NETWORK.workload(), accelerator, goal)
        assert CostPricer(goal)(Design(NETWORK, accelerator)).metrics == cost.metrics()


def test_a_design_that_cannot_run_has_a_reason_and_an_area() -> None:
    accelerator = find_accelerator("edge-array")
    levels = tuple(replace(level, capacity_bytes=level.capacity_bytes and 1) for level in accelerator.levels)
    tiny = replace(accelerator, levels=levels)
    priced = CostPricer()(Design(NETWORK, tiny))
    assert "cannot run" in priced.reason
    assert priced.metrics == {"area_mm2": tiny.area_mm2}


def test_other_data_than_the_study_began_with_are_refused() -> None:
    with pytest.raises(DataError, match="has changed since the study began"):
        RealTraining(Digits(limit=50), Recipe(), None, identity="0" * 64).prepare()


def test_without_halving_nothing_stops_early() -> None:
    source = RealTraining(Digits(), Recipe(epochs=9), None, identity="")
    assert source.rungs([(0.5,) * 9] * 20) == ()


def test_a_design_space_is_the_product_of_both_sides() -> None:
    accelerator = find_accelerator("edge-array")
    designs = DesignSpace(ToyNetworks(), FixedAccelerator(accelerator), (("network.width", (2,)),))
    assert designs.space.size == ToyNetworks().space.size // 8
    point = designs.space.point({"network.width": 2, "network.depth": 1})
    assert designs.decode(point) == Design(NETWORK, accelerator)
    assert FixedAccelerator(accelerator).presets["baseline"] == Point()

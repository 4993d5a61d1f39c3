"""What does a design cost by a learned model, in a study? Predictions in place of the engine's prices.

For comparison: nothing is mapped, so the metrics of a trial are estimates. Reports and bundles of a design are made by
the engine and show its own prices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from coexplore.core.errors import ConfigError, DataError, SpaceError
from coexplore.cost.learned import LearnedCost, load_learned
from coexplore.cost.learned_labels import side_space
from coexplore.design import ACCELERATOR, NETWORK, Design, DesignSpace
from coexplore.spaces.space import Point
from coexplore.studies.problem import Priced

MOST_ACCELERATORS = 200_000
"""Each is built once, to know an accelerator by its name."""
LEAST_VALIDITY = 0.5
"""Designs that are less likely valid have no price."""


@dataclass(frozen=True)
class LearnedPricer:
    """Prices designs by a learned cost model of their space."""

    model: LearnedCost
    designs: DesignSpace

    def __call__(self, design: Design) -> Priced:
        """Predicted metrics, or that the model takes the design for invalid; what needs no prediction is exact."""
        point = Point(
            (
                *((f"{NETWORK}.{name}", value) for name, value in design.network.point.entries),
                *((f"{ACCELERATOR}.{name}", value) for name, value in self._points[design.chip.name].entries),
            )
        )
        costs = self.model.predict_points(self.designs.space, [point])
        latency, energy, area, valid = (
            float(column[0]) for column in (costs.latency_s, costs.energy_j, costs.area_mm2, costs.valid)
        )
        if valid < LEAST_VALIDITY:
            reason = f"the learned cost model takes it for invalid: it is valid with a chance of {valid:.2g}"
            return Priced({"area_mm2": area}, reason, LEAST_VALIDITY - valid)
        workload = design.network.workload()
        return Priced(
            {
                "latency_s": latency,
                "energy_j": energy,
                "edp_js": latency * energy,
                "area_mm2": area,
                "power_w": energy / latency if latency > 0 else 0.0,
                "throughput_per_s": 1 / latency if latency > 0 else math.inf,
                "macs": float(workload.macs),
                "parameters": float(workload.parameters),
                "utilisation": workload.macs / (latency * design.chip.macs_per_cycle * design.chip.clock_hz),
            }
        )

    @cached_property
    def _points(self) -> dict[str, Point]:
        """The accelerators by name."""
        family = self.designs.accelerator_family
        return {family.decode(point).name: point for point in side_space(self.designs, ACCELERATOR).enumerate()}


def learned_pricer(path: str, designs: DesignSpace) -> LearnedPricer:
    """The pricer of a study with `cost: {learned: path}`.

    Raises:
        ConfigError: the message begins with the path of the wrong field.
    """
    try:
        model = load_learned(Path(path))
        model.check(designs.space)
    except (DataError, SpaceError) as error:
        raise ConfigError(f"cost.learned: {error}") from error
    count = side_space(designs, ACCELERATOR).size
    if count > MOST_ACCELERATORS:
        raise ConfigError(
            f"cost.learned: the space has {count:,} accelerators, more than {MOST_ACCELERATORS:,}; restrict it"
        )
    pricer = LearnedPricer(model, designs)
    if len(pricer._points) < count:
        raise ConfigError("cost.learned: some accelerators of the space share a name; restrict the knobs behind it")
    return pricer

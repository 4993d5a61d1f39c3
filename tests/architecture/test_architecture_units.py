"""Every public quantity says its unit: a float field of a public dataclass of hardware or cost ends in one."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

import pytest

import coexplore.accelerators
import coexplore.cost
from coexplore.objectives.metrics import METRICS
from coexplore.testing.units import NONE, dimension_of

WITHOUT_A_UNIT = {
    "Sourced.value": "any constant; its owner's name says the unit",
    "Mapped.value": "the goal says the unit",
    "Mapped.bound": "the goal says the unit",
    "OpCost.gap": "a share",
    "FpgaDevice.power_uncertainty": "a share",
    "Cycles.compute": "the class counts cycles",
    "Cycles.fill_drain": "the class counts cycles",
    "Cycles.stall": "the class counts cycles",
    "Cycles.onload": "the class counts cycles",
    "Cycles.offload": "the class counts cycles",
    "LinkRatios.input": "a ratio",
    "LinkRatios.output": "a ratio",
    **dict.fromkeys(
        [
            f"GemminiConstants.{name}"
            for name in ("startup", "conv_tile", "matmul_tile", "load_beat", "store_beat", "shared_line", "memory_line")
        ],
        "the class counts cycles",
    ),
    "Shortage.needed": "of any resource; the reason says which",
    "Shortage.available": "of any resource; the reason says which",
    "GemminiConstants.exposed": "a share",
    "PoolEntry.cost": "in a unit of the user's",
    "StageTable.costs": "in a unit of the user's",
    "FpgaPipeline.costs": "in a unit of the user's",
    "Pipeline.cost": "in a unit of the user's",
    "Plan.missing_factor": "a ratio",
}
"""With the reason; the list may only shrink."""
UNITS = {
    "s": (1, 0, 0, 0),
    "J": (0, 1, 0, 0),
    "J s": (1, 1, 0, 0),
    "mm2": (0, 0, 1, 0),
    "W": (-1, 1, 0, 0),
    "1/s": (-1, 0, 0, 0),
    "MAC": NONE,
    "weights": NONE,
    "fraction": NONE,
    "GOP/J": (0, -1, 0, 0),
    "boards": NONE,
    "cost": NONE,
}


def float_fields():
    found = []
    for package in (coexplore.accelerators, coexplore.cost):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            members = vars(importlib.import_module(module.name)).values()
            for kind in members:
                if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.name:
                    public = not kind.__name__.startswith("_")
                    found += [f"{kind.__name__}.{f.name}" for f in dataclasses.fields(kind) if public and is_float(f)]
    return sorted(set(found))


def is_float(field):
    return "float" in str(field.type)


def test_the_fields_are_found():
    assert {"MemoryLevel.read_j_per_bit", "Accelerator.clock_hz", "Replay.energy_j"} <= set(float_fields())


@pytest.mark.parametrize("field", float_fields())
def test_a_float_says_its_unit_by_its_name(field):
    has_unit = dimension_of(field.partition(".")[2]) is not None
    assert has_unit is (field not in WITHOUT_A_UNIT), f"{field}: end the name in its unit"


def test_the_law_can_be_broken():
    assert dimension_of("latency") is None
    assert dimension_of("latency_ms") is None
    assert dimension_of("bits") == dimension_of("word_bits") == (0, 0, 0, 1)
    assert dimension_of("read_bytes_per_cycle") == (0, 0, 0, 1)
    assert dimension_of("throughput_per_s") == (-1, 0, 0, 0)


@pytest.mark.parametrize("name", [name for name in METRICS if METRICS.get(name).unit != "fraction"])
def test_a_metric_has_the_unit_of_its_name(name):
    assert dimension_of(name) == UNITS[METRICS.get(name).unit]

"""What does every accelerator promise, and every family? Inherit a contract in a test and give it the thing.

`AcceleratorContract` takes accelerators, such as presets; `AcceleratorFamilyContract` takes a family.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.description import from_document, to_document, write_text
from coexplore.accelerators.family import AcceleratorFamily, as_chip
from coexplore.core.hashing import content_hash
from coexplore.core.plain_yaml import load_plain
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.replay import replay
from coexplore.spaces.decision import Decision, Value
from coexplore.workloads.op import Loops

SAMPLES = 5
OPS = (Loops(K=16, C=8, P=7, Q=7, R=3, S=3), Loops(G=16, P=7, Q=7, R=3, S=3), Loops(K=10, C=32), Loops(K=256, C=512))
PROBES = (
    Loops(K=256, C=256, P=28, Q=28, R=3, S=3),
    Loops(K=512, C=64, P=56, Q=56),
    Loops(N=512, K=2048, C=2048),
    Loops(K=4096, C=4096),
    Loops(K=4096, C=4096, P=4096),
)
"""Ops of very different kinds, of which at least one should run better on more hardware."""
GAIN = 1.001


class _Contract(abc.ABC):
    """What holds for any accelerators."""

    @abc.abstractmethod
    def designs(self) -> list[Accelerator]:
        """The accelerators that are looked at."""

    def test_a_description_survives_yaml_to_the_last_bit(self) -> None:
        """What is exported is what was priced."""
        for accelerator in self.designs():
            again = from_document(load_plain(write_text(accelerator), accelerator.name))
            assert again == accelerator
            assert to_document(again) == to_document(accelerator)

    def test_equal_hardware_is_one_key(self) -> None:
        """Results can be looked up by the accelerator."""
        for accelerator in self.designs():
            copy = replace(accelerator)
            assert hash(copy) == hash(accelerator)
            assert content_hash(copy) == content_hash(accelerator)

    def test_area_is_positive_and_adds_up(self) -> None:
        """Every square millimetre belongs to a component."""
        for accelerator in self.designs():
            parts = accelerator.area_by_component_mm2().values()
            assert all(area >= 0 for area in parts)
            assert math.isclose(accelerator.area_mm2, math.fsum(parts))
            assert accelerator.area_mm2 > 0

    def test_nothing_is_free(self) -> None:
        """A multiplication, an access to any level and an operation of the vector unit cost energy."""
        for accelerator in self.designs():
            assert accelerator.mac.energy_j > 0
            assert accelerator.vector.energy_j > 0
            assert all(level.read_j_per_bit > 0 and level.write_j_per_bit > 0 for level in accelerator.levels)

    def test_energy_per_bit_falls_from_main_memory_inwards(self) -> None:
        """Main memory is the most expensive place to look."""
        for accelerator in self.designs():
            outermost, *inside = accelerator.levels
            assert all(level.read_j_per_bit < outermost.read_j_per_bit for level in inside)

    def test_an_op_is_priced_or_blocked_with_a_reason(self) -> None:
        """A found mapping fits; a missing one says why."""
        for accelerator in self.designs():
            for loops in OPS:
                found = best_mapping(loops, accelerator)
                if found.mapping is None:
                    assert found.reason
                else:
                    assert replay(loops, accelerator, found.mapping).feasible


class AcceleratorContract(_Contract):
    """The promises of accelerators that have a name. Subclasses define `accelerators`, by name."""

    accelerators: Mapping[str, Accelerator]

    def designs(self) -> list[Accelerator]:
        """All of them."""
        return list(self.accelerators.values())

    def test_different_names_are_different_hardware(self) -> None:
        """No name is an alias."""
        assert len({content_hash(design) for design in self.designs()}) == len(self.accelerators)
        assert len({design.name for design in self.designs()}) == len(self.accelerators)


class AcceleratorFamilyContract(_Contract):
    """The promises of a family. Subclasses define `family`."""

    family: AcceleratorFamily

    def designs(self) -> list[Accelerator]:
        """The presets and a few random points."""
        points = [*self.family.presets.values(), *self.family.space.sample(np.random.default_rng(0), SAMPLES)]
        return [as_chip(self.family.decode(point)) for point in points]

    def test_there_is_a_baseline_and_every_preset_is_a_point_of_the_space(self) -> None:
        """A study can always be compared with the baseline."""
        assert "baseline" in self.family.presets
        assert all(point in self.family.space for point in self.family.presets.values())

    def test_a_point_always_means_the_same_hardware(self) -> None:
        """Decoding has no memory and draws no random numbers."""
        for point in self.family.space.sample(np.random.default_rng(0), SAMPLES):
            assert content_hash(self.family.decode(point)) == content_hash(self.family.decode(point))

    def test_different_points_are_different_hardware(self) -> None:
        """No knob is idle."""
        points = list(dict.fromkeys(self.family.space.sample(np.random.default_rng(0), SAMPLES)))
        assert len({content_hash(self.family.decode(point)) for point in points}) == len(points)
        assert len({self.family.decode(point).name for point in points}) == len(points)

    def test_every_knob_costs_something(self) -> None:
        """A larger value takes more area."""
        for knob in self._knobs():
            areas = [self._with(knob, value).area_mm2 for value in knob.values]
            assert all(smaller < larger for smaller, larger in pairwise(areas)), f"{knob.name}: {areas}"

    def test_every_knob_brings_something(self) -> None:
        """With the largest value some op takes less time or energy than with the smallest."""
        for knob in self._knobs():
            low, high = self._with(knob, knob.values[0]), self._with(knob, knob.values[-1])
            assert any(
                _best(loops, high, goal) * GAIN < _best(loops, low, goal)
                for goal in (Goal.LATENCY, Goal.ENERGY)
                for loops in PROBES
            ), f"{knob.name}: {knob.values[-1]} is no better than {knob.values[0]} for any op"

    def _knobs(self) -> Iterator[Decision]:
        """The ordered decisions that the baseline takes."""
        baseline = self.family.presets["baseline"]
        return (d for d in self.family.space.decisions if d.ordered and d.name in baseline and len(d.values) > 1)

    def _with(self, knob: Decision, value: Value) -> Accelerator:
        values = {**self.family.presets["baseline"], knob.name: value}
        return as_chip(self.family.decode(self.family.space.point(values)))


def _best(loops: Loops, accelerator: Accelerator, goal: Goal) -> float:
    """Cycles or joules of the best mapping; infinite where there is none."""
    found = best_mapping(loops, accelerator, goal)
    if found.mapping is None:
        return math.inf
    result = replay(loops, accelerator, found.mapping)
    return float(result.total_cycles) if goal is Goal.LATENCY else float(result.energy_j)

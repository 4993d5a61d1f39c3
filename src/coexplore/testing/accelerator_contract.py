"""What every accelerator family promises: inherit `AcceleratorFamilyContract` in a test and give it the family."""

from __future__ import annotations

import math

import numpy as np
import yaml

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.description import from_document, write_text
from coexplore.accelerators.family import AcceleratorFamily
from coexplore.core.hashing import content_hash
from coexplore.cost.mapper import best_mapping
from coexplore.cost.replay import replay
from coexplore.workloads.op import Loops

SAMPLES = 5
OPS = (Loops(K=16, C=8, P=7, Q=7, R=3, S=3), Loops(G=16, P=7, Q=7, R=3, S=3), Loops(K=10, C=32))


class AcceleratorFamilyContract:
    """The promises. Subclasses define `family`."""

    family: AcceleratorFamily

    def designs(self) -> list[Accelerator]:
        """The presets and a few random points."""
        points = [*self.family.presets.values(), *self.family.space.sample(np.random.default_rng(0), SAMPLES)]
        return [self.family.decode(point) for point in points]

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

    def test_a_description_survives_yaml_to_the_last_bit(self) -> None:
        """What is exported is what was priced."""
        for accelerator in self.designs():
            assert from_document(yaml.safe_load(write_text(accelerator))) == accelerator

    def test_area_is_positive_and_adds_up(self) -> None:
        """Every square millimetre belongs to a component."""
        for accelerator in self.designs():
            parts = accelerator.area_by_component_mm2().values()
            assert all(area >= 0 for area in parts)
            assert math.isclose(accelerator.area_mm2, math.fsum(parts))
            assert accelerator.area_mm2 > 0

    def test_an_op_is_priced_or_blocked_with_a_reason(self) -> None:
        """A found mapping fits; a missing one says why."""
        for accelerator in self.designs():
            for loops in OPS:
                found = best_mapping(loops, accelerator)
                if found.mapping is None:
                    assert found.reason
                else:
                    assert replay(loops, accelerator, found.mapping).feasible

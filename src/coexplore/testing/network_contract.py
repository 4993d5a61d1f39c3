"""What every network family promises: inherit `NetworkFamilyContract` in a test and give it the family."""

from __future__ import annotations

import numpy as np

from coexplore.core.hashing import content_hash
from coexplore.networks.network import Network, NetworkFamily
from coexplore.spaces.space import Point

SAMPLES = 8


class NetworkFamilyContract:
    """The promises. Subclasses define `family`, `input_shape` (C, H, W) and `classes`."""

    family: NetworkFamily
    input_shape: tuple[int, int, int]
    classes: int

    def points(self) -> list[Point]:
        """A few random points."""
        return self.family.space.sample(np.random.default_rng(0), SAMPLES)

    def test_every_point_lowers_to_a_workload_for_the_task(self) -> None:
        """One input of the right shape, one output with a score per class."""
        for point in self.points():
            workload = self.family.lower(point)
            ((_, shape),) = workload.inputs
            assert shape == (1, *self.input_shape)
            assert [workload.shapes[name] for name in workload.outputs] == [(1, self.classes)]
            assert workload.macs > 0
            assert workload.parameters > 0

    def test_a_point_always_means_the_same_network(self) -> None:
        """Lowering has no memory and draws no random numbers."""
        for point in self.points():
            assert self.family.lower(point) == self.family.lower(point)

    def test_different_points_are_different_networks(self) -> None:
        """No decision is idle."""
        points = list(dict.fromkeys(self.points()))
        assert len({content_hash(self.family.lower(point).ops) for point in points}) == len(points)

    def test_identity_is_content(self) -> None:
        """Equal networks hash alike, so none is trained twice."""
        for point in self.points():
            assert content_hash(Network(self.family, point)) == content_hash(Network(self.family, point))

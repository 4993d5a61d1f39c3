"""Which networks of a space learn together in one step? Rules by name.

References:
    Guo2020: Guo et al., Single Path One-Shot Neural Architecture Search, ECCV 2020, arXiv 1904.00420 (uniform).
    Yu2019: Yu and Huang, Universally Slimmable Networks and Improved Training Techniques, ICCV 2019, arXiv 1903.05134
        (the sandwich rule).

Departures:
    The sandwich is that of Yu2019 without their distillation from the largest network.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from coexplore.accuracy.supernet import largest_points, smallest_point
from coexplore.core.registry import Registry
from coexplore.spaces.space import Point, Space


class Sampling(Protocol):
    """A rule; one step learns from the mean loss of the networks it names."""

    def __call__(self, space: Space, rng: np.random.Generator, paths: int) -> list[Point]:
        """The networks of one step, `paths` of them drawn at random."""
        ...


SAMPLINGS: Registry[Sampling] = Registry("sampling")


@SAMPLINGS.register("uniform")
def uniform(space: Space, rng: np.random.Generator, paths: int) -> list[Point]:
    """Every decision drawn uniformly (Guo2020)."""
    return space.sample(rng, paths)


@SAMPLINGS.register("sandwich")
def sandwich(space: Space, rng: np.random.Generator, paths: int) -> list[Point]:
    """The largest and the smallest network, and some drawn uniformly (Yu2019)."""
    return [largest_points(space)[0], smallest_point(space), *space.sample(rng, paths)]

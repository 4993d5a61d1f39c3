"""What does looking at every point give? The truth, for spaces small enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coexplore.spaces.space import Space
from coexplore.strategies.in_order import InOrder
from coexplore.strategies.strategy import STRATEGIES, Strategy


@STRATEGIES.register("exhaustive")
@dataclass(frozen=True, slots=True)
class Exhaustive:
    """Every point once, in the order of `Space.enumerate`; afterwards nothing more."""

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh enumeration; generator and number of objectives play no part."""
        return InOrder(space.enumerate)

"""What is best of all there is, proven? Every accelerator for a fixed network, or for all networks of a table.

`coexplore.studies.exact` and `joint` price the space as arrays and hand on the complete front. A caller that cannot,
and tries suggestions one by one, gets every point once, which proves the same, only later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coexplore.spaces.space import Space
from coexplore.strategies.exhaustive import Exhaustive
from coexplore.strategies.settings import check_whole
from coexplore.strategies.strategy import STRATEGIES, Strategy

MOST_ACCELERATORS = 1_000_000


@STRATEGIES.register("exact")
@dataclass(frozen=True, slots=True)
class Exact:
    """Prices every accelerator at once, for a fixed network or all those of a table; the front is proven complete."""

    most: int = MOST_ACCELERATORS
    """A space of more accelerators is refused; a million take about 50 MB."""

    def __post_init__(self) -> None:
        check_whole("most", self.most, at_least=1)

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """Every point once, in the order of `Space.enumerate`."""
        return Exhaustive().start(space, rng, objectives)

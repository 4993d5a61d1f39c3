"""How good is a stage of a pipeline, by how busy it is alone? The reward of fast exploration, before any training.

References:
    Jiang2020: Jiang et al., Hardware/Software Co-Exploration of Neural Architectures, TCAD, arXiv 1907.04650. The form
        `U`, `2 - U`, `-1` is recalled, not checked with the paper; all its numbers are settings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from coexplore.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class StageReward:
    """`U` up to 1, `1 - slope * (U - 1)` up to `limit`, and `floor` beyond (Jiang2020, fast exploration, recalled)."""

    slope: float = 1.0
    """What each unit of utilisation above 1 takes away."""
    limit: float = 2.0
    """Utilisation beyond which a stage is as bad as any."""
    floor: float = -1.0

    def __post_init__(self) -> None:
        for name, low, high in (("slope", 0.0, 1e6), ("limit", 1.0, 1e6), ("floor", -1e6, 1.0)):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
                raise ConfigError(f"{name}: is {value!r}; give a number from {low:g} to {high:g}")
        if self.floor > 1.0 - self.slope * (self.limit - 1.0):
            raise ConfigError(f"floor: is {self.floor}, above what a stage has at the limit; lower it")

    def __call__(self, utilisation: float) -> float:
        """Reward of a stage that is busy for this share of the period; above 1 it is too slow."""
        if math.isnan(utilisation) or utilisation > self.limit:
            return self.floor
        return utilisation if utilisation <= 1.0 else 1.0 - self.slope * (utilisation - 1.0)

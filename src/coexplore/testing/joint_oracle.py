"""What is the joint front, found the slow way? Every pair added up by itself and compared with every other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from coexplore.cost.network_table import NetworkTable


@dataclass(frozen=True, slots=True)
class OraclePair:
    """A network on an accelerator."""

    accuracy: float
    latency_s: float
    energy_j: float
    area_mm2: float
    network: int
    accelerator: int

    def losses(self, with_area: bool) -> tuple[float, ...]:
        """What is compared, smaller is better."""
        return (-self.accuracy, self.latency_s, self.energy_j, *([self.area_mm2] if with_area else []))


def all_pairs(accuracy: Sequence[float], tables: Sequence[NetworkTable], largest_mm2: float) -> list[OraclePair]:
    """Every pair within the area that can run."""
    found = []
    for table in tables:
        for column in range(len(table.area_mm2)):
            area = float(table.area_mm2[column])
            for network, counts in enumerate(table.counts):
                used = [op for op, times in enumerate(counts.tolist()) if times]
                latency, energy = (
                    math.fsum(float(prices[op, column]) for op in used for _ in range(int(counts[op])))
                    for prices in (table.latency_s, table.energy_j)
                )
                if area <= largest_mm2 and math.isfinite(latency) and math.isfinite(energy):
                    place = int(table.places[column])
                    found.append(OraclePair(float(accuracy[network]), latency, energy, area, network, place))
    return found


def front_by_hand(pairs: Sequence[OraclePair], with_area: bool = False) -> list[tuple[OraclePair, int]]:
    """The front in its order, with how many pairs are like each; of those the smallest and first stands for all."""
    kinds: dict[tuple[float, ...], list[OraclePair]] = {}
    for pair in pairs:
        kinds.setdefault(pair.losses(with_area), []).append(pair)
    best = [
        kind for kind in sorted(kinds)
        if not any(other != kind and all(a <= b for a, b in zip(other, kind, strict=True)) for other in kinds)
    ]  # fmt: skip
    return [
        (min(kinds[kind], key=lambda pair: (pair.area_mm2, pair.network, pair.accelerator)), len(kinds[kind]))
        for kind in best
    ]

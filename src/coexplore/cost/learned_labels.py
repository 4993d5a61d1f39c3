"""Which designs does a learned cost model learn from? Pairs of networks and accelerators, priced by the engine.

All networks drawn are priced on all accelerators drawn: their distinct ops once on each accelerator, then counts times
prices. The pairs are drawn from that table, so accelerators that share a shape make the labels cheap.

Axes: `w` networks, `a` accelerators, `n` pairs, `c` one-hot columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.family import as_chip
from coexplore.core.errors import SpaceError
from coexplore.cost.mapper import Goal
from coexplore.cost.network_table import NetworkTable, blocks, count_ops, price_networks
from coexplore.design import ACCELERATOR, NETWORK, DesignSpace
from coexplore.spaces.encode import to_indices, to_one_hot
from coexplore.spaces.space import Point, Space

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Choices = NDArray[np.bool_]
"""One-hot rows."""
NETWORKS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Priced designs."""

    encoded: Choices
    """(n, c) One-hot rows: the columns of the network, then those of the accelerator."""
    latency_s: Floats
    """(n,) +inf where a design cannot run."""
    energy_j: Floats
    """(n,)"""
    area_mm2: Floats
    """(n,)"""

    def __len__(self) -> int:
        return len(self.latency_s)

    def part(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Labels:
        """Some of them."""
        return Labels(self.encoded[rows], self.latency_s[rows], self.energy_j[rows], self.area_mm2[rows])


@dataclass(frozen=True, slots=True, eq=False)
class PricedPairs:
    """Networks and accelerators, every pair of which has a price."""

    networks: Choices
    """(w, columns of the network)"""
    accelerators: Choices
    """(a, columns of the accelerator)"""
    table: NetworkTable
    """Of the same networks and accelerators."""

    def draw(self, networks: Ints, accelerators: Ints, pairs: int, rng: np.random.Generator) -> Labels:
        """Different random pairs among some of the networks and some of the accelerators.

        Raises:
            SpaceError: there are not so many.
        """
        most = len(networks) * len(accelerators)
        if pairs > most:
            raise SpaceError(
                f"{pairs} pairs are wanted; {len(networks)} networks on {len(accelerators)} accelerators make {most}"
            )
        chosen = rng.choice(most, pairs, replace=False)
        row, column = chosen // len(accelerators), chosen % len(accelerators)
        network, accelerator = networks[row], accelerators[column]
        table = self.table.on(accelerators)
        latency, energy = np.empty(pairs), np.empty(pairs)
        for block in blocks(len(networks), NETWORKS_AT_ONCE):
            own = np.flatnonzero((row >= block.start) & (row < block.stop))
            latency[own], energy[own] = (
                total[row[own] - block.start, column[own]] for total in table.totals(networks[block])
            )
        encoded = np.concatenate([self.networks[network], self.accelerators[accelerator]], axis=1)
        return Labels(encoded, latency, energy, self.table.area_mm2[accelerator])


def price_pairs(
    designs: DesignSpace,
    networks: Sequence[Point],
    accelerators: Sequence[Point],
    goal: Goal = Goal.EDP,
    threads: int = 1,
) -> PricedPairs:
    """Price networks on accelerators.

    Args:
        designs: the space; its one-hot columns are those of the labels.
        networks: points of its family of networks.
        accelerators: points of its family of accelerators.
        goal: what every mapping minimises.
        threads: as for `price_grid`.

    Raises:
        AcceleratorError: the accelerators are FPGAs that share a network.
    """
    ops = count_ops(designs.network_family.lower(point) for point in networks)
    chips = [as_chip(designs.accelerator_family.decode(point)) for point in accelerators]
    table = price_networks(ops, chips, goal, threads)
    return PricedPairs(
        _encoded(side_space(designs, NETWORK), networks),
        _encoded(side_space(designs, ACCELERATOR), accelerators),
        table,
    )


def side_space(designs: DesignSpace, side: str) -> Space:
    """The decisions of the network or of the accelerator, as the restrictions of the designs leave them."""
    family = designs.network_family if side == NETWORK else designs.accelerator_family
    prefix = f"{side}."
    kept = {name.removeprefix(prefix): values for name, values in designs.restrictions if name.startswith(prefix)}
    return family.space.restrict(kept)


def _encoded(space: Space, points: Sequence[Point]) -> Choices:
    return to_one_hot(space, to_indices(space, points)).astype(np.bool_)

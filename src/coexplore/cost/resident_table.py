"""What do many networks cost on many accelerators when tensors may stay on chip? Tables as of `network_table`.

Axes: `n` networks, `o` distinct ops, `a` accelerators. Whether an operand stays follows from its tensor and the memory
that can hold it. So accelerators whose memories keep the same of every network form a group, with a table of its own:
the counts of ops with just these operands on chip, and the prices of those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost.grid import MEMORY_MB, price_grid
from coexplore.cost.kept import Kept
from coexplore.cost.mapper import Goal
from coexplore.cost.network_table import NetworkTable
from coexplore.cost.residency import Residency, keep, with_residents
from coexplore.cost.resident_grid import Pools, VectorWork, pools_of, price_vector_work, vector_work
from coexplore.cost.vector import FREE
from coexplore.workloads.graph import Workload
from coexplore.workloads.loops import Loops

Ints = NDArray[np.int64]
Variant = tuple[dict[Loops, int], dict[VectorWork, int]]
"""How often a network runs each op, given what stays on chip."""


def price_resident_networks(
    workloads: Iterable[Workload],
    accelerators: Sequence[Accelerator],
    residency: Residency,
    goal: Goal = Goal.EDP,
    threads: int = 1,
    *,
    memory_mb: float = MEMORY_MB,
) -> list[NetworkTable]:
    """Price the distinct ops of networks on every accelerator, each under its best mapping.

    Every total of the tables equals that of `coexplore.cost.model.price` under the same residency to the last bit.

    Args:
        workloads: gone through once.
        accelerators: on what; every one is in one of the tables.
        residency: which tensors stay on chip between ops.
        goal: what every mapping minimises.
        threads: as for `price_grid`, and so is the last one.
        memory_mb: bounds the work on one table.

    Raises:
        ConfigError: as `price_grid`.
    """
    groups = ResidentGroups(accelerators, residency)
    for workload in workloads:
        groups.enter(workload)
    tables = []
    for places, rows in groups.alike():
        some = [accelerators[place] for place in places]
        loops = tuple(dict.fromkeys(op for own, _ in rows for op in own))
        vector = tuple(dict.fromkeys(op for _, rest in rows for op in rest))
        grid = price_grid(loops, some, goal, threads, memory_mb=memory_mb)
        latency, energy = price_vector_work(vector, some)
        counts = np.array(
            [[own.get(op, 0) for op in loops] + [rest.get(op, 0) for op in vector] for own, rest in rows], np.int64
        ).reshape(len(rows), len(loops) + len(vector))
        tables.append(
            NetworkTable(
                counts, np.vstack([grid.latency_s, latency]), np.vstack([grid.energy_j, energy]), grid.area_mm2, places
            )
        )
    return tables


@dataclass(slots=True)
class ResidentGroups:
    """Accelerators by what their memories keep of the networks entered so far."""

    accelerators: Sequence[Accelerator]
    residency: Residency
    members: dict[Pools, list[int]] = field(default_factory=dict)
    """Places of accelerators by their memories."""
    rows: list[dict[Pools, Variant]] = field(default_factory=list)
    """For each network its ops on each kind of memories; equal ones are one object."""

    def __post_init__(self) -> None:
        for place, accelerator in enumerate(self.accelerators):
            self.members.setdefault(pools_of(accelerator), []).append(place)

    def enter(self, workload: Workload) -> None:
        """Find out what stays of a network, where, and remember it for `alike`."""
        self.rows.append(self._variants(workload))

    def of(self, workload: Workload) -> list[tuple[Ints, Variant]]:
        """Rising places of accelerators that run the same ops of one network, and those ops."""
        groups: dict[tuple[tuple[int | None, ...], int], list[int]] = {}
        row = self._variants(workload)
        for pools, places in self.members.items():
            key = (tuple(number for number, _, _ in pools), id(row[pools]))
            groups.setdefault(key, []).extend(places)
        variants = {id(variant): variant for variant in row.values()}
        return [(np.array(sorted(places), np.int64), variants[key[1]]) for key, places in groups.items()]

    def _variants(self, workload: Workload) -> dict[Pools, Variant]:
        """The ops of a network on each kind of memories; equal ones are one object."""
        found: dict[tuple[Kept, tuple[int | None, ...]], Variant] = {}
        row: dict[Pools, Variant] = {}
        for chain in _chains(list(self.members)):
            for pools, kept in self._kept(workload, chain):
                key = (kept, tuple(number for number, _, _ in pools))
                if key not in found:
                    found[key] = _variant(workload, self._example(pools), kept)
                row[pools] = found[key]
        return row

    def _example(self, pools: Pools) -> Accelerator:
        return self.accelerators[self.members[pools][0]]

    def _kept(self, workload: Workload, chain: Sequence[Pools]) -> list[tuple[Pools, Kept]]:
        """What each of some memories keeps, from small to large: where both ends agree, so do all between them."""
        first, last = (keep(workload, self._example(pools), self.residency) for pools in (chain[0], chain[-1]))
        if first == last or len(chain) == 2:
            return [*((pools, first) for pools in chain[:-1]), (chain[-1], last)]
        middle = len(chain) // 2
        return [*self._kept(workload, chain[:middle]), *self._kept(workload, chain[middle:])]

    def alike(self) -> list[tuple[Ints, list[Variant]]]:
        """Places of the accelerators of each group, and the ops of every network there."""
        groups: dict[tuple[tuple[int | None, ...], tuple[int, ...]], list[Pools]] = {}
        for pools in self.members:
            numbers = tuple(number for number, _, _ in pools)
            groups.setdefault((numbers, tuple(id(row[pools]) for row in self.rows)), []).append(pools)
        return [
            (
                np.array(sorted(place for pools in kinds for place in self.members[pools]), np.int64),
                [row[kinds[0]] for row in self.rows],
            )
            for kinds in groups.values()
        ]


def _chains(kinds: Sequence[Pools]) -> list[list[Pools]]:
    """Memories of the same levels and words, each chain from small to large in every operand."""
    alike: dict[tuple[tuple[int | None, int], ...], list[list[Pools]]] = {}
    for pools in sorted(kinds, key=lambda pools: [bits for _, bits, _ in pools]):
        chains = alike.setdefault(tuple((number, word) for number, _, word in pools), [])
        for chain in chains:
            if all(small[1] <= large[1] for small, large in zip(chain[-1], pools, strict=True)):
                chain.append(pools)
                break
        else:
            chains.append([pools])
    return [chain for chains in alike.values() for chain in chains]


def _variant(workload: Workload, accelerator: Accelerator, kept: Kept) -> Variant:
    """The ops of a network as far as they are told apart, on accelerators with levels of the same number."""
    own = Counter(with_residents(op, loops, kept) for op, loops in workload.mac_ops())
    rest = Counter(
        vector_work(workload, op.name, accelerator, kept)
        for op in workload.ops
        if workload.loops(op) is None and not isinstance(op, FREE)
    )
    return dict(own), dict(rest)

"""Which pairs of network and accelerator does no other pair beat, of all there are? The proven joint front.

Axes: `n` networks, `a` accelerators, `d` designs of the front. The answer covers all n x a pairs; few are evaluated:

* an accelerator that another covers in every op's latency and energy is covered for every network (`undominated`);
* of networks that run every op equally often only the most accurate can be on the front;
* networks come by falling accuracy, so a pair is out as soon as any earlier pair is no slower and takes no more energy.

None of this changes the front, because a total is a true sum rounded once, and rounding keeps order. Of pairs exactly
alike in all objectives the one on the smallest accelerator stands for all, then of the first network, then accelerator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import EvaluationError
from coexplore.cost._screen import screen
from coexplore.cost.front import pareto, undominated
from coexplore.cost.network_table import NetworkTable, blocks
from coexplore.objectives.pareto import non_dominated

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK_BYTES = 1 << 27
"""Totals that are held at once: latency and energy of a block of networks on all accelerators that are left."""
NEAR = 1e-9
"""Relative; sums in any order differ by less from the true one."""
TIE_ROWS = 128
"""Networks whose rough latencies on all accelerators are held at once."""

Pair = tuple[float, int, int]
"""Area, network and place of the accelerator: the order in which equals stand."""


@dataclass(frozen=True, slots=True, eq=False)
class JointFront:
    """Designs by falling accuracy, then rising latency and energy; each array (d,)."""

    network: Ints
    accelerator: Ints
    """Places in the space of accelerators."""
    accuracy: Floats
    latency_s: Floats
    energy_j: Floats
    area_mm2: Floats
    equal: Ints
    """Pairs with exactly these objectives, this one included."""

    def __len__(self) -> int:
        return len(self.network)

    def some(self, designs: NDArray[np.bool_] | Ints) -> JointFront:
        """Some of the designs, in the order asked for."""
        return JointFront(*(getattr(self, field.name)[designs] for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """A complete front, and what it took."""

    front: JointFront
    pairs: int
    """Answered: networks times accelerators, those beyond the area included."""
    evaluated: int
    """Pairs whose totals were added up in search of the front."""
    networks: int
    """That run some op unlike often."""
    accelerators: int
    """That none covers, under the area."""


def joint_front(
    accuracy: Floats, tables: Sequence[NetworkTable], largest_mm2: float = np.inf, *, with_area: bool = False
) -> Proof:
    """The complete front over (accuracy, latency, energy) of all pairs within an area.

    Args:
        accuracy: (n,) fractions.
        tables: of all networks, each on some accelerators; together all of them.
        largest_mm2: larger accelerators are no candidates.
        with_area: area is an objective too.

    Raises:
        EvaluationError: an accuracy is no number, or there are not as many as networks.
    """
    _check(accuracy, tables)
    inside = [table.on(np.flatnonzero(table.area_mm2 <= largest_mm2)) for table in tables]
    candidates = [_candidates(table, with_area=with_area) for table in inside]
    order = _distinct(accuracy, tables)
    search = _Search(accuracy, candidates, with_area)
    widest = sum(len(table.area_mm2) for table in candidates)
    for rows in blocks(len(order), max(1, BLOCK_BYTES // (16 * max(widest, 1)))):
        search.look_at(order[rows])
    return Proof(
        front=_with_ties(search.front(), accuracy, inside, with_area=with_area),
        pairs=len(accuracy) * sum(len(table.area_mm2) for table in tables),
        evaluated=len(order) * widest,
        networks=len(order),
        accelerators=widest,
    )


def _check(accuracy: Floats, tables: Sequence[NetworkTable]) -> None:
    if any(len(table.counts) != len(accuracy) for table in tables):
        told = ", ".join(str(len(table.counts)) for table in tables)
        raise EvaluationError(f"{len(accuracy)} accuracies for tables of {told} networks; give one to each network")
    if not np.isfinite(accuracy).all():
        place = int(np.flatnonzero(~np.isfinite(accuracy))[0])
        raise EvaluationError(f"the accuracy of network {place} is {accuracy[place]}; leave networks without one out")


def _candidates(table: NetworkTable, *, with_area: bool) -> NetworkTable:
    """The accelerators that can be best for some network."""
    used = table.counts.any(axis=0)
    area = table.area_mm2 if with_area else np.zeros(len(table.area_mm2))
    return table.on(undominated(table.latency_s[used], table.energy_j[used], area))


def _distinct(accuracy: Floats, tables: Sequence[NetworkTable]) -> Ints:
    """Networks by falling accuracy, then place; of those that run every op equally often the first."""
    order = np.lexsort((np.arange(len(accuracy)), -accuracy))
    counts = np.hstack([table.counts for table in tables])[order]
    _, first = np.unique(counts, axis=0, return_index=True)
    return order[np.sort(first)]


class _Search:
    """Keeps what no pair of a network at least as accurate covers."""

    def __init__(self, accuracy: Floats, tables: Sequence[NetworkTable], with_area: bool) -> None:
        self._accuracy, self._tables = accuracy, tables
        self._losses = [table.area_mm2 if with_area else np.zeros(len(table.area_mm2)) for table in tables]
        self._known = np.empty((0, 3))
        """Costs that cover others, whatever their accuracy."""
        self._found: list[Floats] = []
        """Minus accuracy, latency, energy, and area or 0, each (d, 4)."""

    def look_at(self, networks: Ints) -> None:
        """Go on with networks that are no more accurate than the ones before."""
        totals = [table.totals(networks) for table in self._tables]
        for row, network in enumerate(networks):
            for (latency, energy), area in zip(totals, self._losses, strict=True):
                self._take(int(network), latency[row], energy[row], area)

    def _take(self, network: int, latency: Floats, energy: Floats, area: Floats) -> None:
        found = np.empty(len(latency), np.int64)
        columns = found[: screen(latency, energy, area, self._known, len(self._known), found)]
        if not len(columns):
            return
        own = columns[pareto(latency[columns], energy[columns], area[columns])]
        costs = np.column_stack([latency[own], energy[own], area[own]])
        worse = np.full(len(own), -self._accuracy[network])
        self._found.append(np.column_stack([worse, costs]))
        both = np.vstack([self._known, costs])
        self._known = np.ascontiguousarray(both[pareto(*both.T.copy())])

    def front(self) -> Floats:
        """(d, 4) The losses that no other ones beat, in rising order."""
        if not self._found:
            return np.empty((0, 4))
        losses = np.concatenate(self._found)
        kept = losses[non_dominated(losses)]
        return kept[np.lexsort(kept.T[::-1])]


def _with_ties(losses: Floats, accuracy: Floats, tables: Sequence[NetworkTable], *, with_area: bool) -> JointFront:
    """The designs that stand for each member of a front: of all pairs like it, dropped ones included, the first."""
    equals: list[list[Pair]] = [[] for _ in losses]
    for table in tables:
        for design, pair in _pairs_like(losses, accuracy, table, with_area=with_area):
            equals[design].append(pair)
    chosen = [min(pairs) for pairs in equals]
    return JointFront(
        network=np.array([pair[1] for pair in chosen], np.int64),
        accelerator=np.array([pair[2] for pair in chosen], np.int64),
        accuracy=-losses[:, 0],
        latency_s=losses[:, 1].copy(),
        energy_j=losses[:, 2].copy(),
        area_mm2=np.array([pair[0] for pair in chosen], np.float64),
        equal=np.array([len(pairs) for pairs in equals], np.int64),
    )


def _pairs_like(
    losses: Floats, accuracy: Floats, table: NetworkTable, *, with_area: bool
) -> Iterator[tuple[int, Pair]]:
    """Every pair with exactly the losses of a member of the front, with the number of that member."""
    alike = np.flatnonzero(np.isin(accuracy, -losses[:, 0]))
    finite = np.where(np.isinf(table.latency_s), 0.0, table.latency_s)
    for rows in blocks(len(alike), TIE_ROWS):
        networks = alike[rows]
        rough = table.counts[networks].astype(np.float64) @ finite
        for network, about in zip(networks.tolist(), rough, strict=True):
            for design in np.flatnonzero(-losses[:, 0] == accuracy[network]).tolist():
                wanted = losses[design]
                near = np.flatnonzero(np.abs(about - wanted[1]) <= NEAR * wanted[1])
                if not len(near):
                    continue
                same = near[_is_exactly(table, network, near, wanted, with_area=with_area)]
                for column in same.tolist():
                    yield design, (float(table.area_mm2[column]), network, int(table.places[column]))


def _is_exactly(
    table: NetworkTable, network: int, columns: Ints, losses: Floats, *, with_area: bool
) -> NDArray[np.bool_]:
    """On which columns a network has exactly these losses."""
    some = table.on(columns)
    latency, energy = (total[0] for total in some.totals(np.array([network])))
    same: NDArray[np.bool_] = (latency == losses[1]) & (energy == losses[2])
    return same & (some.area_mm2 == losses[3]) if with_area else same

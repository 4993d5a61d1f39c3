"""What does a workload cost when chains of ops run tile by tile, with what they hand on kept on chip?

A chain (`coexplore.cost.chains`) is cut into tiles of output rows. Within a tile its ops run one after the other, each
under its own best mapping, as a slice of its loops over rows whose input, output, or both live on chip; then comes the
next tile. Prices are those of the slices, added up: every tile pays its own first fill and last drain.

* Rows are computed once. Rows of an intermediate that the next tile needs again (the halo of a window) are kept and
  read again; so are those of the chain's input, from wherever it comes.
* Intermediates take, for the rows a reader needs and those its writer adds, together at most a share of their memory.
* Weights (or a second activation) are read in the first tile and stay for the others where all of the chain together
  take at most a share of their memory, else every tile reads them again.
* Functions between the ops work on tiles in the pool. What rides along costs what it costs anyway.

A chain is fused only where that lowers the total of the workload. Chains are taken greedily, the largest gain first, so
the choice is never worse than none and not proven the best.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace

from coexplore.accelerators.accelerator import Accelerator, Operand
from coexplore.cost.chains import Chain, find_chains
from coexplore.cost.kept import Kept, in_words_of, pool_bits, pool_of
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.mapping import Mapping
from coexplore.cost.model import WorkloadCost, price
from coexplore.cost.replay import replay
from coexplore.cost.residency import DEFAULT_SHARE, MAIN_MEMORY, Residency, keep, with_residents
from coexplore.cost.vector import price_vector_op
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Loops, Op

HEIGHTS = 3
"""Tile heights tried: the largest whose intermediates fit, and halves of it."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Some rows of one op."""

    op: str
    loops: Loops | None
    """None for ops of the vector unit, which are priced for all rows at once."""
    times: int
    """How many tiles run it."""
    latency_s: float
    """Of one."""
    energy_j: float
    """Of one."""
    mapping: Mapping | None = None


@dataclass(frozen=True, slots=True)
class FusedChain:
    """A chain that runs tile by tile."""

    ops: tuple[str, ...]
    tiles: int
    rows: int
    """Rows of the last op's output in one tile; the last tile may have fewer."""
    weights_stay: bool
    """Whether weights are read in the first tile only."""
    slices: tuple[Slice, ...]
    unfused_latency_s: float
    unfused_energy_j: float

    @property
    def latency_s(self) -> float:
        """Of all tiles."""
        return math.fsum(part.times * part.latency_s for part in self.slices)

    @property
    def energy_j(self) -> float:
        """Of all tiles."""
        return math.fsum(part.times * part.energy_j for part in self.slices)


@dataclass(frozen=True, slots=True)
class FusedCost:
    """A workload with some chains fused."""

    unfused: WorkloadCost
    goal: Goal
    chains: tuple[FusedChain, ...]

    @property
    def latency_s(self) -> float:
        """Time of one run."""
        return math.fsum([*self._alone("latency_s"), *(chain.latency_s for chain in self.chains)])

    @property
    def energy_j(self) -> float:
        """Energy of one run."""
        return math.fsum([*self._alone("energy_j"), *(chain.energy_j for chain in self.chains)])

    @property
    def edp_js(self) -> float:
        """Energy-delay product."""
        return self.energy_j * self.latency_s

    def document(self) -> dict[str, object]:
        """Totals and chains, as lists, dicts and scalars that JSON takes."""
        chains = []
        for chain in self.chains:
            entry = asdict(chain)
            for row, part in zip(entry["slices"], chain.slices, strict=True):
                row["mapping"] = part.mapping.document() if part.mapping else None
            chains.append({**entry, "latency_s": chain.latency_s, "energy_j": chain.energy_j})
        return {"latency_s": self.latency_s, "energy_j": self.energy_j, "edp_js": self.edp_js, "chains": chains}

    def _alone(self, metric: str) -> list[float]:
        fused = {name for chain in self.chains for name in chain.ops}
        return [getattr(op, metric) for op in self.unfused.ops if op.name not in fused]


def price_fused(
    workload: Workload, accelerator: Accelerator, goal: Goal = Goal.EDP, residency: Residency = MAIN_MEMORY,
    share: float = DEFAULT_SHARE,
) -> FusedCost:  # fmt: skip
    """Price a workload, its chains fused where that wins.

    Args:
        workload: what runs.
        accelerator: where it runs.
        goal: what mappings minimise, and by what fusion is judged: the total of the workload.
        residency: what stays on chip anyway, fused or not.
        share: of the memory, for the intermediates of a chain, and again for its weights.

    Returns:
        The unfused price and the fused chains; none where an op cannot run unfused.
    """
    unfused = price(workload, accelerator, goal, residency=residency)
    if not unfused.feasible:
        return FusedCost(unfused, goal, ())
    kept = keep(workload, accelerator, residency)
    setting = _Setting(workload, accelerator, goal, kept, share, unfused)
    found = [fused for chain in find_chains(workload) for fused in setting.fuse(chain)]
    taken: tuple[FusedChain, ...] = ()
    best = _value(goal, unfused.latency_s, unfused.energy_j)
    while True:
        busy = {name for chain in taken for name in chain.ops}
        choices = [FusedCost(unfused, goal, (*taken, c)) for c in found if busy.isdisjoint(c.ops)]
        values = [_value(goal, choice.latency_s, choice.energy_j) for choice in choices]
        if not values or min(values) >= best:
            return FusedCost(unfused, goal, taken)
        best = min(values)
        taken = choices[values.index(best)].chains


def _value(goal: Goal, latency_s: float, energy_j: float) -> float:
    return {Goal.LATENCY: latency_s, Goal.ENERGY: energy_j, Goal.EDP: latency_s * energy_j}[goal]


@dataclass(frozen=True, slots=True)
class _Setting:
    """Where chains are priced."""

    workload: Workload
    accelerator: Accelerator
    goal: Goal
    kept: Kept
    share: float
    unfused: WorkloadCost

    def fuse(self, chain: Chain) -> list[FusedChain]:
        """The chain at the largest tile heights that fit; none where intermediates find no memory or a slice none."""
        level = pool_of(self.accelerator, Operand.INPUT)
        if level is None or level != pool_of(self.accelerator, Operand.OUTPUT):
            return []
        room = self.share * pool_bits(self.accelerator, level)
        rows, tiles = self._nest(chain.ops[-1]).P, 1
        heights: list[int] = []
        while len(heights) < HEIGHTS:
            if self._intermediate_bits(chain, tiles, level) <= room:
                heights.append(tiles)
            if tiles >= rows:
                break
            tiles = min(2 * tiles, rows)
        return [fused for tiles in heights if (fused := self._at(chain, tiles)) is not None]

    def _nest(self, op: Op) -> Loops:
        loops = self.workload.loops(op)
        assert loops is not None
        return loops

    def _intermediate_bits(self, chain: Chain, tiles: int, level: int) -> int:
        """Of the rows that readers need and writers add, over all intermediates; an output may be one partial sum."""
        total, writer = 0, self._nest(chain.ops[0])
        for op in chain.ops[1:]:
            loops = self.workload.loops(op)
            added = math.ceil(writer.P / tiles)
            read = added
            if loops is not None:
                read = (math.ceil(loops.P / tiles) - 1) * loops.stride[0] + loops.dilation[0] * (loops.R - 1) + 1
            width = in_words_of(self.accelerator, level, max(op.bits.input, writer.bits.output))
            total += min(writer.P, read + added) * writer.output_elements // writer.P * width
            writer = loops or writer
        return total

    def _at(self, chain: Chain, tiles: int) -> FusedChain | None:
        inside = Kept(self.kept.tensors | chain.between, self.kept.weights)
        stay = self._weights_stay(chain, inside)
        slices: list[Slice] = []
        for op in chain.ops:
            loops = self.workload.loops(op)
            if loops is None:
                slices.append(self._vector(op, inside))
                continue
            for rows, times, is_first in _cut(loops.P, tiles):
                part = with_residents(op, replace(loops, P=rows), inside)
                if stay and not is_first:
                    part = replace(part, resident=replace(part.resident, weight=True))
                priced = self._mapped(op.name, part, times)
                if priced is None:
                    return None
                slices.append(priced)
        names = set(chain.names)
        alone = [op for op in self.unfused.ops if op.name in names]
        rows = math.ceil(self._nest(chain.ops[-1]).P / tiles)
        return FusedChain(
            chain.names, math.ceil(self._nest(chain.ops[-1]).P / rows), rows, stay, tuple(slices),
            math.fsum(op.latency_s for op in alone), math.fsum(op.energy_j for op in alone),
        )  # fmt: skip

    def _weights_stay(self, chain: Chain, inside: Kept) -> bool:
        level = pool_of(self.accelerator, Operand.WEIGHT)
        if level is None:
            return False
        nests = [with_residents(op, self._nest(op), inside) for op in chain.ops if self.workload.loops(op) is not None]
        bits = sum(
            v.weight_elements * in_words_of(self.accelerator, level, v.bits.weight)
            for v in nests
            if not v.resident.weight
        )
        return bits <= self.share * pool_bits(self.accelerator, level)

    def _vector(self, op: Op, inside: Kept) -> Slice:
        cost = price_vector_op(self.workload, op, self.accelerator, inside)
        energy = math.fsum(joule for _, _, joule in cost.energy_by)
        return Slice(op.name, None, 1, cost.total_cycles / self.accelerator.clock_hz, energy)

    def _mapped(self, name: str, loops: Loops, times: int) -> Slice | None:
        found = best_mapping(loops, self.accelerator, self.goal)
        if found.mapping is None:
            return None
        result = replay(loops, self.accelerator, found.mapping)
        seconds = result.total_cycles / self.accelerator.clock_hz
        return Slice(name, loops, times, seconds, result.energy_j, found.mapping)


def _cut(rows: int, tiles: int) -> list[tuple[int, int, bool]]:
    """(rows, how many tiles have so many, whether it is the first tile) of an op; all rows, each once."""
    height = math.ceil(rows / tiles)
    whole, rest = divmod(rows, height)
    cuts = [(height, 1, True), (height, whole - 1, False), (rest, 1, False)]
    return [cut for cut in cuts if cut[0] and cut[1]]

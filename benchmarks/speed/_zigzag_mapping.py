"""How does a mapping of ZigZag read on our chain of levels, and what does it cost there at least?

ZigZag cuts the loops of each operand where it likes; our chain puts its levels in one order, and a level that keeps two
operands cuts both at one place. A cut may slide over loops that do not change the operand's tile, and memories on one
side of the array may swap places: where that makes the cuts agree the mapping is said exactly. Where it does not, each
operand gets its part of a shared memory as a level of its own, as large as the whole and with a port of its own. Energy
is exact then, and the time, which is also at least that of all bits through the one real port, is a lower bound. Where
even that is no chain, each operand is replayed on a chain of its own memories: energy is exact (the counts of operands
do not depend on each other), and no port can be faster than its bits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from coexplore import Loops, replay
from coexplore.accelerators.accelerator import Accelerator, Dim, MacUnit, MemoryLevel, Operand, SpatialAxis, VectorUnit
from coexplore.core.errors import AcceleratorError, MappingError
from coexplore.cost.accounting import Accounting
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.presets.zigzag_files import (
    CYCLES_PER_S,
    DIM_OF,
    OPERAND_OF,
    PICO,
    Hardware,
    OperandView,
    operand_views,
)
from coexplore.cost.replay import Replay

OPERAND = {"I2": Operand.WEIGHT, "I1": Operand.INPUT, "O": Operand.OUTPUT}
NAME_OF = {dim: name for name, dim in DIM_OF.items()}
NOT_CHANGED_BY = {
    Operand.WEIGHT: {Dim.N, Dim.P, Dim.Q},
    Operand.INPUT: {Dim.K},
    Operand.OUTPUT: {Dim.C, Dim.R, Dim.S},
}


@dataclass(frozen=True, slots=True)
class Price:
    """Of one mapped op."""

    cycles: float
    energy_pj: float
    exact: bool
    """Whether the mapping was said on the chain; otherwise cycles are a lower bound."""

    @property
    def edp(self) -> float:
        """Cycles times pJ."""
        return self.cycles * self.energy_pj


def accelerator_of(hardware: Hardware, hints: dict[str, list[str]], sum_bits: int) -> Accelerator:
    """The chain of a hardware file whose memories serve the whole array or one element of it.

    A memory is double buffered if it holds two elements of each operand: ZigZag, too, overlaps where two tiles fit.

    Raises:
        AcceleratorError: a memory serves part of the array.
    """
    array, names = hardware.operational_array, list(hardware.memories)
    sizes = dict(zip(array.dimensions, array.sizes, strict=True))
    outside = [bool(memory.served_dimensions) for memory in hardware.memories.values()]
    if any(set(m.served_dimensions) not in (set(), set(sizes)) for m in hardware.memories.values()):
        raise AcceleratorError(f"{hardware.name}: a memory serves part of the array; no chain says that")
    axes = tuple(SpatialAxis(d, sizes[d], tuple(DIM_OF[h] for h in hints[d])) for d in array.dimensions)
    innermost_outside = outside.index(True)
    levels = tuple(
        _level(hardware, name, sum_bits, axes if place == innermost_outside else (), place == len(names) - 1)
        for place, name in enumerate(names)
    )
    mac = MacUnit(bits=8, energy_j=array.unit_energy * PICO, area_mm2=0.0)
    return Accelerator(hardware.name, CYCLES_PER_S, levels[::-1], mac, VectorUnit(1.0, 0.0))


def _level(hardware: Hardware, name: str, sum_bits: int, fanout: tuple[SpatialAxis, ...], main: bool) -> MemoryLevel:
    memory = hardware.memories[name]
    keeps = tuple(OPERAND[operand] for operand in memory.operands)
    width = {kind: sum(p.bandwidth_max for p in memory.ports if p.type == kind) for kind in ("read", "write")}
    both = sum(p.bandwidth_max for p in memory.ports if p.type == "read_write")
    port = memory.ports[0]
    element = max(sum_bits if operand is Operand.OUTPUT else 8 for operand in keeps)
    return MemoryLevel(
        name=name,
        keeps=tuple(operand for operand in Operand if operand in keeps),
        capacity_bytes=None if main else memory.size // 8,
        read_bytes_per_cycle=(both or width["read"]) / 8,
        write_bytes_per_cycle=None if both else width["write"] / 8,
        read_j_per_bit=memory.r_cost * PICO / port.bandwidth_max,
        write_j_per_bit=memory.w_cost * PICO / port.bandwidth_max,
        double_buffered=memory.size >= 2 * element,
        block_bits=port.bandwidth_min,
        fanout=fanout,
    )


def price_theirs(
    loops: Loops, accelerator: Accelerator, hardware: Hardware, spatial: str, temporal: str
) -> tuple[Price, Mapping | None]:
    """The cheapest reading of a mapping under clean physics, single or double buffered as suits it best."""
    views = operand_views(hardware, loops, spatial, temporal)
    found = [
        (Price(result.total_cycles, result.energy_j / PICO, True), mapping)
        for chain, mapping in readings(accelerator, views)
        if (result := replay_as_it_fits(loops, chain, mapping)) is not None
    ]
    if found:
        return min(found, key=lambda pair: pair[0].edp)
    bound = lower_bound(loops, accelerator, views)
    parted = [
        Price(max(result.total_cycles, bound.cycles), result.energy_j / PICO, False)
        for chain, mapping in readings(apart(accelerator), views)
        if (result := replay_as_it_fits(loops, chain, mapping)) is not None
    ]
    return min(parted, key=lambda price: price.edp, default=bound), None


def apart(accelerator: Accelerator) -> Accelerator:
    """The same with a level for each operand of a shared memory on the chip, as large and as fast as the whole."""
    levels = [accelerator.levels[0]]
    for level in accelerator.levels[1:]:
        parts = [replace(level, name=part_name(level, operand), keeps=(operand,), fanout=()) for operand in level.keeps]
        levels += [*parts[:-1], replace(parts[-1], fanout=level.fanout)]
    return replace(accelerator, levels=tuple(levels))


def part_name(level: MemoryLevel, operand: Operand) -> str:
    """Of an operand's part of a memory; the memory itself where it keeps nothing else."""
    return level.name if len(level.keeps) == 1 else f"{level.name} {operand.value}"


def replay_as_it_fits(loops: Loops, accelerator: Accelerator, mapping: Mapping) -> Replay | None:
    """The replay with double buffers wherever two tiles fit (nothing is gained without); None if one does not fit."""
    while True:
        result = replay(loops, accelerator, mapping)
        if result.feasible or result.obstacle is None:
            return result if result.feasible else None
        levels = [
            replace(level, double_buffered=level.double_buffered and level.name != result.obstacle.level)
            for level in accelerator.levels
        ]
        if tuple(levels) == accelerator.levels:
            return None
        accelerator = replace(accelerator, levels=tuple(levels))


def readings(accelerator: Accelerator, views: tuple[OperandView, ...]) -> Iterator[tuple[Accelerator, Mapping]]:
    """Chains of the same memories in other orders, with mappings on them that cut no operand's tiles elsewhere."""
    order, cuts = _order_and_cuts(views)
    legal = {level.name: _places(level, order, cuts) for level in accelerator.levels}
    fan = next(n for n, level in enumerate(accelerator.levels) if level.fanout) + 1
    axes = accelerator.levels[fan - 1].fanout
    unrolled = _unrolled(views, axes)
    if unrolled is None:
        return
    seen = set()  # the same cuts cost the same in whatever order the memories stand
    for above in _orders(accelerator.levels[1:fan]):
        for below in _orders(accelerator.levels[fan:]):
            plain = [replace(level, fanout=()) for level in (accelerator.levels[0], *above, *below)]
            plain[fan - 1] = replace(plain[fan - 1], fanout=axes)
            chain = replace(accelerator, levels=tuple(plain))
            for places in itertools.product(*(legal[level.name] for level in plain[1:])):
                cut = frozenset(zip((level.name for level in plain[1:]), places, strict=True))
                if cut not in seen and all(a >= b for a, b in itertools.pairwise(places)):
                    seen.add(cut)
                    bounds = [len(order), *places, 0]
                    yield chain, _mapping_of(order, bounds, fan - 1, unrolled)


def _order_and_cuts(views: tuple[OperandView, ...]) -> tuple[list[Loop], dict[tuple[str, Operand], int]]:
    """Temporal loops, innermost first, and how many of them lie inside each memory's tile of each operand."""
    orders, cuts = [], {}
    for view in views:
        order: list[Loop] = []
        for level, entry in zip(view.accelerator.levels[::-1], view.mapping.levels[::-1], strict=True):
            order += reversed(entry.temporal)
            cuts[level.name, view.operand] = cuts[f"{level.name} {view.operand.value}", view.operand] = len(order)
        orders.append(order)
    if any(order != orders[0] for order in orders):
        raise MappingError("the operands of a mapping run their loops in different orders")
    return orders[0], cuts


def _places(level: MemoryLevel, order: list[Loop], cuts: dict[tuple[str, Operand], int]) -> list[int]:
    """Where a level may cut the loops without changing the tile of any operand it keeps."""

    def same(operand: Operand, place: int) -> bool:
        cut = cuts[level.name, operand]
        return all(loop.dim in NOT_CHANGED_BY[operand] for loop in order[min(cut, place) : max(cut, place)])

    return [place for place in range(len(order) + 1) if all(same(operand, place) for operand in level.keeps)]


def _orders(levels: tuple[MemoryLevel, ...]) -> Iterator[tuple[MemoryLevel, ...]]:
    """Orders of memories that leave those which share an operand as they are."""
    pairs = [(a, b) for a, b in itertools.combinations(levels, 2) if set(a.keeps) & set(b.keeps)]
    for order in itertools.permutations(levels):
        if all(order.index(a) < order.index(b) for a, b in pairs):
            yield order


def _unrolled(views: tuple[OperandView, ...], axes: tuple[SpatialAxis, ...]) -> tuple[SpatialLoop, ...] | None:
    """The unrolling on our axes; None where no axis takes a dimension of it."""
    wanted = [loop for entry in views[0].mapping.levels for loop in entry.spatial]
    for choice in itertools.permutations(axes, len(wanted)) if len(wanted) <= len(axes) else ():
        if all(loop.dim in axis.dims and loop.factor <= axis.size for loop, axis in zip(wanted, choice, strict=True)):
            return tuple(SpatialLoop(a.name, loop.dim, loop.factor) for loop, a in zip(wanted, choice, strict=True))
    return None


def _mapping_of(order: list[Loop], bounds: list[int], fan: int, unrolled: tuple[SpatialLoop, ...]) -> Mapping:
    return Mapping(
        tuple(
            LevelMapping(tuple(reversed(order[inner:outer])), unrolled if n == fan else ())
            for n, (outer, inner) in enumerate(itertools.pairwise(bounds))
        )
    )


def lower_bound(loops: Loops, accelerator: Accelerator, views: tuple[OperandView, ...]) -> Price:
    """What an uneven mapping costs at least: energy by operand, and the busiest of the array and the ports."""
    results = [(view, replay(loops, view.accelerator, view.mapping)) for view in views]
    energy_j = sum(joule for level, _, joule in results[0][1].energy_by if level == "mac")
    cycles = results[0][1].compute_cycles
    bits = {level.name: [0, 0] for level in accelerator.levels}
    for view, result in results:
        energy_j += sum(joule for _, operand, joule in result.energy_by if operand == view.operand.value)
        for level, operand, read, written in result.traffic_bits:
            if operand == view.operand.value:
                bits[level][0] += read
                bits[level][1] += written
    used = math.prod(loop.factor for entry in views[0].mapping.levels for loop in entry.spatial)
    for n, level in enumerate(accelerator.levels):
        share = used if accelerator.instances(n) > 1 else 1
        read, written = (
            8.0 * share * (width or 0.0) for width in (level.read_bytes_per_cycle, level.write_bytes_per_cycle)
        )
        busy = (
            max(bits[level.name][0] / read, bits[level.name][1] / written) if written else sum(bits[level.name]) / read
        )
        cycles = max(cycles, busy)
    return Price(cycles, energy_j / PICO, False)


def energy_pj(loops: Loops, views: tuple[OperandView, ...], accounting: Accounting) -> float:
    """Energy of a mapping operand by operand under an accounting."""
    total = 0.0
    for view in views:
        rows = replay(loops, view.accelerator, view.mapping, accounting).energy_by
        total += sum(joule for _, operand, joule in rows if operand == view.operand.value)
    mac = next(joule for level, _, joule in rows if level == "mac")
    return (total + mac) / PICO


def given_mapping(accelerator: Accelerator, mapping: Mapping) -> dict[str, object]:
    """A mapping of ours as ZigZag says it: unrolled by array dimension; loops by operand and memory, inner first."""
    spatial = {axis.name: ["C, 1"] for level in accelerator.levels for axis in level.fanout}
    for entry in mapping.levels:
        for loop in entry.spatial:
            spatial[loop.axis] = [f"{NAME_OF[loop.dim]}, {loop.factor}"]
    temporal = {}
    for name, operand in OPERAND_OF.items():
        levels, inner = [], len(mapping.levels)
        for n in reversed(range(len(mapping.levels))):
            if operand in accelerator.levels[n].keeps:
                inside = [loop for entry in mapping.levels[n:inner] for loop in entry.temporal]
                levels.append([[NAME_OF[loop.dim], loop.factor] for loop in reversed(inside)])
                inner = n
        temporal[name] = levels
    return {"spatial": spatial, "temporal": temporal}

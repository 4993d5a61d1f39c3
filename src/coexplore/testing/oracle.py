"""The oracle: walk a loop nest step by step and count every element that moves. Slow, and readable by hand.

It shares no code with `coexplore.cost`: tiles are sets of coordinates, instances are visited one by one. Use it on
ops of a few thousand multiply-accumulates.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from coexplore.accelerators.accelerator import DIMS, OPERANDS, Accelerator, Dim, Operand
from coexplore.cost.mapping import Mapping
from coexplore.workloads.op import Loops

RELEVANT = {
    Operand.WEIGHT: frozenset({Dim.G, Dim.K, Dim.C, Dim.R, Dim.S}),
    Operand.INPUT: frozenset({Dim.N, Dim.G, Dim.C, Dim.P, Dim.Q, Dim.R, Dim.S}),
    Operand.OUTPUT: frozenset({Dim.N, Dim.G, Dim.K, Dim.P, Dim.Q}),
}
Element = tuple[int, ...]
Ranges = dict[Dim, range]


@dataclass(slots=True)
class Traffic:
    """Elements moved between a level and its parent for one operand, summed over instances, and for the busiest one."""

    child_in: int = 0
    parent_out: int = 0
    child_evict: int = 0
    parent_in: int = 0
    parent_refill: int = 0
    child_in_one: int = 0
    parent_out_one: int = 0


@dataclass(slots=True)
class Walk:
    """What the walk counted."""

    traffic: dict[tuple[int, Operand], Traffic] = field(default_factory=dict)
    accesses: dict[Operand, int] = field(default_factory=dict)
    accesses_one: dict[Operand, int] = field(default_factory=dict)
    compute_cycles: int = 0
    macs: int = 0


@dataclass(frozen=True, slots=True)
class _Step:
    dim: Dim
    factor: int
    weight: int
    spatial: bool
    level: int
    alone: bool
    """Instances that need the same data read their own copies."""


def walk(loops: Loops, accelerator: Accelerator, mapping: Mapping, touched: bool = False) -> Walk:
    """Count all moves of a mapped op; with `touched`, input tiles are only the elements that a filter touches."""
    steps = _steps(mapping, accelerator)
    sizes = {dim: int(getattr(loops, dim.value)) for dim in DIMS}
    result = Walk()
    levels = len(accelerator.levels)
    for operand in OPERANDS:
        homes = [n for n, level in enumerate(accelerator.levels) if operand in level.keeps]
        for parent, child in itertools.pairwise(homes):
            result.traffic[child, operand] = _boundary(loops, steps, sizes, operand, parent, child, touched)
        result.accesses[operand], result.accesses_one[operand] = _accesses(steps, sizes, operand, homes[-1], levels)
    result.compute_cycles, result.macs = _work(steps, sizes)
    return result


def accesses_by_level(loops: Loops, accelerator: Accelerator, walk: Walk) -> dict[tuple[int, Operand], tuple[int, int]]:
    """Elements read from and written to each level, over all instances, by what a walk counted.

    Of an operand that lives on chip, spread evenly over the n instances of its outermost level there, one n-th of every
    move is in place already; the rest is read from, or written to, that same level instead of main memory.
    """
    found = {(n, operand): [0, 0] for n, level in enumerate(accelerator.levels) for operand in level.keeps}
    for operand in OPERANDS:
        homes = [n for n, level in enumerate(accelerator.levels) if operand in level.keeps]
        for parent, child in itertools.pairwise(homes):
            on_chip = parent == 0 and getattr(loops.resident, operand.value)
            source = child if on_chip else parent
            instances = _instances(accelerator, child) if on_chip else 1
            for place, way, count in _transfers(walk.traffic[child, operand], operand, source, child):
                found[place, operand][way] += count if not on_chip else -(-count * (instances - 1) // instances)
        found[homes[-1], operand][0] += walk.accesses[operand]
        if operand is Operand.OUTPUT:
            moves = walk.traffic.get((homes[-1], operand))
            fresh = loops.output_elements if moves is None else moves.child_in - moves.parent_refill
            found[homes[-1], operand][0] -= fresh
            found[homes[-1], operand][1] += walk.accesses[operand]
    return {key: (reads, writes) for key, (reads, writes) in found.items()}


def _transfers(traffic: Traffic, operand: Operand, source: int, child: int) -> list[tuple[int, int, int]]:
    """(level, 0 for reads or 1 for writes, elements) of what moves between a level and where its operand comes from."""
    if operand is not Operand.OUTPUT:
        return [(source, 0, traffic.parent_out), (child, 1, traffic.child_in)]
    refills = traffic.parent_refill
    finished = traffic.parent_in - refills
    return [
        (source, 1, refills),
        (source, 1, finished),
        (source, 0, refills),
        (child, 1, refills),
        (child, 0, traffic.child_evict - finished),
        (child, 0, finished),
    ]


def _instances(accelerator: Accelerator, level: int) -> int:
    count = 1
    for outer in accelerator.levels[:level]:
        for axis in outer.fanout:
            count *= axis.size
    return count


def _steps(mapping: Mapping, accelerator: Accelerator) -> list[_Step]:
    flat = []
    for number, (entry, level) in enumerate(zip(mapping.levels, accelerator.levels, strict=True)):
        alone = {axis.name: not axis.multicast for axis in level.fanout}
        flat += [(loop.dim, loop.factor, False, number, False) for loop in entry.temporal]
        flat += [(loop.dim, loop.factor, True, number, alone[loop.axis]) for loop in entry.spatial]
    steps = []
    for i, (dim, factor, spatial, number, is_alone) in enumerate(flat):
        weight = 1
        for other in flat[i + 1 :]:
            weight *= other[1] if other[0] is dim else 1
        steps.append(_Step(dim, factor, weight, spatial, number, is_alone))
    return steps


def _tile(sizes: dict[Dim, int], outside: list[_Step], index: dict[int, int], extents: dict[Dim, int]) -> Ranges | None:
    """Ranges of all dimensions at one position of the loops outside; None when it lies outside the op."""
    ranges = {}
    for dim in DIMS:
        start = sum(index[i] * step.weight for i, step in enumerate(outside) if step.dim is dim)
        if start >= sizes[dim]:
            return None
        ranges[dim] = range(start, min(start + extents[dim], sizes[dim]))
    return ranges


def _elements(loops: Loops, operand: Operand, ranges: Ranges, touched: bool) -> frozenset[Element]:
    """Coordinates of the operand's elements in a tile; an input tile is the box around its window positions."""
    if operand is not Operand.INPUT:
        return frozenset(itertools.product(*(ranges[dim] for dim in DIMS if dim in RELEVANT[operand])))
    axes: list[Iterable[int]] = [ranges[Dim.N], ranges[Dim.G], ranges[Dim.C]]
    for p, r, stride, dilation in (
        (Dim.P, Dim.R, loops.stride[0], loops.dilation[0]),
        (Dim.Q, Dim.S, loops.stride[1], loops.dilation[1]),
    ):
        if touched:
            axes.append({i * stride + k * dilation for i in ranges[p] for k in ranges[r]})
            continue
        first = ranges[p].start * stride + ranges[r].start * dilation
        final = (ranges[p].stop - 1) * stride + (ranges[r].stop - 1) * dilation
        axes.append(range(first, final + 1))
    return frozenset(itertools.product(*axes))


def _positions(steps: list[_Step], spatial: bool) -> Iterator[dict[int, int]]:
    chosen = [i for i, step in enumerate(steps) if step.spatial is spatial]
    for digits in itertools.product(*(range(steps[i].factor) for i in chosen)):
        yield dict(zip(chosen, digits, strict=True))


def _boundary(
    loops: Loops, steps: list[_Step], sizes: dict[Dim, int], operand: Operand, parent: int, child: int, touched: bool
) -> Traffic:
    outside = [step for step in steps if step.level < child]
    extents = dict.fromkeys(DIMS, 1)
    for step in steps:
        if step.level >= child:
            extents[step.dim] *= step.factor
    places = list(_positions(outside, spatial=True))
    held: dict[int, frozenset[Element]] = {n: frozenset() for n in range(len(places))}
    known: dict[int, set[Element]] = {n: set() for n in range(len(places))}
    traffic = Traffic()
    for moment in _positions(outside, spatial=False):
        arriving: dict[tuple[Element, ...], set[Element]] = {}
        leaving: dict[tuple[Element, ...], set[Element]] = {}
        returning: dict[tuple[Element, ...], set[Element]] = {}
        for n, place in enumerate(places):
            ranges = _tile(sizes, outside, {**moment, **place}, extents)
            if ranges is None:
                continue
            tile = _elements(loops, operand, ranges, touched)
            group = _group(outside, place, operand, parent)
            new, old = tile - held[n], held[n] - tile
            arriving.setdefault(group, set()).update(new)
            leaving.setdefault(group, set()).update(old)
            returning.setdefault(group, set()).update(new & known[n])
            traffic.child_in += len(new)
            traffic.child_evict += len(old)
            traffic.child_in_one += len(new) if not any(place.values()) else 0
            known[n] |= new
            held[n] = tile
        _settle(traffic, arriving, leaving, returning)
    final: dict[tuple[Element, ...], set[Element]] = {}
    for n, place in enumerate(places):
        final.setdefault(_group(outside, place, operand, parent), set()).update(held[n])
        traffic.child_evict += len(held[n])
    _settle(traffic, {}, final, {})
    return traffic


def _settle(
    traffic: Traffic,
    arriving: dict[tuple[Element, ...], set[Element]],
    leaving: dict[tuple[Element, ...], set[Element]],
    returning: dict[tuple[Element, ...], set[Element]],
) -> None:
    traffic.parent_out += sum(map(len, arriving.values()))
    traffic.parent_out_one += sum(len(new) for group, new in arriving.items() if not any(group[0]))
    traffic.parent_in += sum(map(len, leaving.values()))
    traffic.parent_refill += sum(map(len, returning.values()))


def _group(outside: list[_Step], place: dict[int, int], operand: Operand, parent: int) -> tuple[Element, ...]:
    """Instances with the same key share one access of their parent: same parent instance, same tile of the operand."""
    above = tuple(place[i] for i in sorted(place) if outside[i].level < parent)
    beside = tuple(
        place[i] for i in sorted(place) if outside[i].level >= parent and not _is_shared(outside[i], operand)
    )
    return (above, beside)


def _is_shared(step: _Step, operand: Operand) -> bool:
    return step.dim not in RELEVANT[operand] and (operand is Operand.OUTPUT or not step.alone)


def _accesses(steps: list[_Step], sizes: dict[Dim, int], operand: Operand, home: int, levels: int) -> tuple[int, int]:
    """Reads of the innermost home by the array, one per cycle and distinct element; nothing is held below."""
    everything = one = 0
    places = list(_positions(steps, spatial=True))
    for moment in _positions(steps, spatial=False):
        groups = set()
        for place in places:
            if _tile(sizes, steps, {**moment, **place}, dict.fromkeys(DIMS, 1)) is not None:
                groups.add(_group(steps, place, operand, home))
        everything += len(groups)
        one += sum(not any(group[0]) for group in groups)
    return everything, one


def _work(steps: list[_Step], sizes: dict[Dim, int]) -> tuple[int, int]:
    cycles = macs = 0
    places = list(_positions(steps, spatial=True))
    for moment in _positions(steps, spatial=False):
        active = sum(_tile(sizes, steps, {**moment, **place}, dict.fromkeys(DIMS, 1)) is not None for place in places)
        cycles += active > 0
        macs += active
    return cycles, macs

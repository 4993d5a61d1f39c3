"""What does a mapping move at least? Closed forms, stage by stage, that hold whatever the levels further inside do.

A tile that stays while some loops run *covers* more than its own extent, so an operand is fetched at least once per
extent covered: ceil(size / cover). Where all factors divide this is exact. With factors that do not, a clipped tile may
happen to stay where a full one would not; mappings that move less than their closed form are no candidates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._assess import ACCUMULATOR_BITS, OUTPUT_BITS
from coexplore.cost._compile import kernel
from coexplore.cost._exact import tile_elements
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, C, P, R, S
from coexplore.cost._mapspace import NONE, ORDERS, element_bits
from coexplore.cost._resident import instances_of, port_time
from coexplore.cost.nest import Flags, Floats, Ints, Machine, Problem

READS, WRITES, ONE_READS, ONE_WRITES = range(4)
"""Columns of bits per level: over all instances, and of the busiest one."""
FIRST_ABOVE, FIRST_BELOW, ALL_ABOVE = range(3)
"""Columns of bits per transfer: the first tile as its parent and as its level see it, and all of one parent."""


class Stage(NamedTuple):
    """What the unrolling fixes, for levels `l`."""

    around: Floats
    """(l + 1, 8) Instances outside a level."""
    shared: Floats
    """(l, 3, 8) Instances between a level and its parent that share data."""
    covered: Floats
    """(8,) Extents that all factors cover."""
    parent: Ints
    """(l, 3) The next level outwards that keeps the operand."""
    home: Ints
    """(3,) The innermost level that keeps it."""
    partial: Flags
    """(l,) Whether sums are added spatially outside a level."""
    wide: Ints
    """(l, 3) Bits of an element; outputs as partial sums."""
    narrow: Ints
    """(l, 3) Outputs as finished ones."""
    array: Floats
    """(l, 4) What the array reads and writes."""
    skew: int
    source: Ints
    """(l, 3) Where an operand comes from: its parent, or, where it lives on chip, the level itself."""
    moved: Floats
    """(l, 3) The part that does not lie where it is needed."""
    servers: Floats
    """(l, 3) Instances that share the work of the source."""


class Variants(NamedTuple):
    """Accelerators of one shape, `v`, that differ in sizes, widths and energies."""

    capacity_bits: Ints
    """(v, l)"""
    read_width: Floats
    write_width: Floats
    read_j: Floats
    write_j: Floats
    static_j_per_cycle: Floats
    """(v,)"""


@kernel
def make_stage(pick: Ints, use: Ints, whole: Ints, problem: Problem, machine: Machine) -> Stage:
    """What an unrolling with `whole` steps per dimension fixes."""
    levels = machine.keeps.shape[0]
    stage = Stage(
        np.ones((levels + 1, 8)),
        np.ones((levels, 3, 8)),
        np.ones(8),
        np.zeros((levels, 3), np.int64),
        np.zeros(3, np.int64),
        np.zeros(levels, np.bool_),
        element_bits(problem, machine, ACCUMULATOR_BITS),
        element_bits(problem, machine, OUTPUT_BITS),
        np.zeros((levels, 4)),
        _skew(use, machine),
        np.zeros((levels, 3), np.int64),
        np.ones((levels, 3)),
        np.ones((levels, 3)),
    )
    for level in range(1, levels + 1):
        stage.around[level] = stage.around[level - 1]
        for a in range(pick.size):
            if machine.axis_level[a] == level - 1 and pick[a] != NONE:
                stage.around[level, pick[a]] *= use[a]
        if level < levels:
            sums = stage.around[level, C] * stage.around[level, R] * stage.around[level, S]
            stage.partial[level] = sums > 1.0
    for d in range(8):
        stage.covered[d] = whole[d] * stage.around[levels, d]
    for operand in range(3):
        parent = 0
        for inner in range(1, levels):
            if machine.keeps[inner, operand]:
                stage.parent[inner, operand] = stage.source[inner, operand] = parent
                if parent == 0 and problem.resident[operand]:
                    count = float(instances_of(inner, machine))
                    stage.source[inner, operand] = inner
                    stage.moved[inner, operand], stage.servers[inner, operand] = (count - 1.0) / count, count
                _share(operand, parent, inner, pick, use, machine, stage.shared[inner, operand])
                parent = inner
        stage.home[operand] = parent
        _read_by_array(operand, parent, pick, use, problem, machine, stage)
    return stage


@kernel
def _skew(use: Ints, machine: Machine) -> int:
    total = 0
    for a in range(use.size):
        total += (use[a] - 1) * machine.axis_hop[a]
    return total


@kernel
def _share(operand: int, begin: int, end: int, pick: Ints, use: Ints, machine: Machine, out: Floats) -> None:
    """Multiply into `out` the instances between two levels that share data of an operand."""
    for a in range(pick.size):
        d = pick[a]
        if begin <= machine.axis_level[a] < end and d != NONE and not RELEVANT[operand, d]:
            if operand == OUTPUT or machine.axis_alone[a] == 0:
                out[d] *= use[a]


@kernel
def _read_by_array(
    operand: int, home: int, pick: Ints, use: Ints, problem: Problem, machine: Machine, stage: Stage
) -> None:
    """What the array reads (and of sums writes) at an innermost home; one read serves all that share it."""
    share = np.ones(8)
    _share(operand, home, machine.keeps.shape[0], pick, use, machine, share)
    times = instances = 1.0
    for d in range(8):
        times *= np.ceil(problem.sizes[d] / share[d])
        instances *= stage.around[home, d]
    bits = stage.wide[home, operand]
    one = np.ceil(times / instances)
    stage.array[home, READS] += times * bits
    stage.array[home, ONE_READS] += one * bits
    if operand == OUTPUT:
        stage.array[home, WRITES] += times * bits
        stage.array[home, ONE_WRITES] += one * bits
    if operand == OUTPUT and home == 0:
        fresh = 1.0
        for d in range(8):
            fresh *= problem.sizes[d] if RELEVANT[OUTPUT, d] else 1
        stage.array[0, READS] -= fresh * bits
        stage.array[0, ONE_READS] -= fresh * bits


@kernel
def follow(
    operand: int, slot: int, extent: Ints, loops: Ints, orders: Ints, sizes: Ints, slots: Ints, cover: Floats,
    slides: Flags,
) -> None:  # fmt: skip
    """Walk outwards until a loop replaces the operand's tile: what the tile covers, and whether it slides."""
    for d in range(8):
        cover[d] = extent[d]
    slides[0] = slides[1] = False
    for outer in range(slot - 1, -1, -1):
        for position in range(7, -1, -1):
            d = ORDERS[orders[slots[outer]], position]
            if loops[outer, d] == 1:
                continue
            if RELEVANT[operand, d]:
                if operand == INPUT and d >= P and sizes[R + (d - P) % 2] > 1:
                    slides[(d - P) % 2] = True
                return
            cover[d] *= loops[outer, d]


@kernel
def cover_most(
    operand: int, inner: int, extent: Ints, stage: Stage, sizes: Ints, stays: bool, cover: Floats, slides: Flags
) -> None:
    """The same for the best order there could be: one operand stays throughout, and every window slides."""
    for d in range(8):
        cover[d] = extent[d]
        if stays:
            cover[d] = max(cover[d], stage.covered[d] / stage.around[inner, d])
    for axis in range(2):
        slides[axis] = sizes[R + axis] > 1


@kernel
def add_boundary(
    operand: int, inner: int, extent: Ints, cover: Floats, slides: Flags, sizes: Ints, window: Ints,
    stage: Stage, bits: Floats, first: Floats,
) -> None:  # fmt: skip
    """Add to `bits` (l, 4) what an operand moves between a level and its parent; fill `first` with its first tile."""
    parent = stage.parent[inner, operand]
    every = shared = above = one = step = 1.0
    for d in range(8 if operand != INPUT else P):
        size = float(sizes[d])
        if size == 1.0:
            continue
        of_parent, of_one = np.ceil(size / stage.around[parent, d]), np.ceil(size / stage.around[inner, d])
        spread = stage.around[inner, d] / stage.around[parent, d] if size == stage.covered[d] else 1.0
        if RELEVANT[operand, d]:
            every, shared, above, one = every * size, shared * size, above * of_parent, one * of_one
            step *= min(extent[d] * spread, size)
        else:
            share = stage.shared[inner, operand, d]
            every *= np.ceil(size / cover[d])
            shared *= np.ceil(size / (cover[d] * share))
            above *= np.ceil(of_parent / (cover[d] * share))
            one *= np.ceil(of_one / cover[d])
            step *= max(spread / share, 1.0)
    if operand == INPUT:
        for axis in range(2):
            rows = _rows(axis, inner, parent, extent, slides[axis], sizes, window, stage)
            every, shared, above, one, step = (
                every * rows[0],
                shared * rows[0],
                above * rows[1],
                one * rows[2],
                step * rows[3],
            )
    source, moved = stage.source[inner, operand], stage.moved[inner, operand]
    served = moved / stage.servers[inner, operand]
    wide_above, wide_below = stage.wide[source, operand], stage.wide[inner, operand]
    if operand == OUTPUT:
        _add_sums(inner, parent, every, shared, above, one, sizes, stage, bits)
    else:
        bits[source, READS] += shared * moved * wide_above
        bits[inner, WRITES] += every * moved * wide_below
        bits[source, ONE_READS] += above * served * wide_above
        bits[inner, ONE_WRITES] += one * moved * wide_below
    first[FIRST_ABOVE] = step * served * stage.narrow[source, operand]
    first[FIRST_BELOW] = tile_elements(operand, extent, sizes, window) * moved * stage.narrow[inner, operand]
    first[ALL_ABOVE] = above * served * stage.narrow[source, operand]


@kernel
def _rows(
    axis: int, inner: int, parent: int, extent: Ints, slides: bool, sizes: Ints, window: Ints, stage: Stage
) -> tuple[float, float, float, float]:
    """Rows (or columns) of input: over all instances, under one parent, of one instance, and in the first tiles."""
    p, r = P + axis, R + axis
    height, filters = float(sizes[p]), float(sizes[r])
    e, f = min(float(extent[p]), height), min(float(extent[r]), filters)
    per_parent, per_parent_f = np.ceil(height / stage.around[parent, p]), np.ceil(filters / stage.around[parent, r])
    per_one, per_one_f = np.ceil(height / stage.around[inner, p]), np.ceil(filters / stage.around[inner, r])
    spread = stage.around[inner, p] / stage.around[parent, p] if height == stage.covered[p] else 1.0
    spread_f = stage.around[inner, r] / stage.around[parent, r] if filters == stage.covered[r] else 1.0
    instances = stage.around[inner, p] if height == stage.covered[p] else 1.0
    box = window[axis] * (e - 1.0) + window[2 + axis] * (f - 1.0) + 1.0
    return (
        _seen(axis, height, filters, e, f, slides, instances, window),
        _seen(axis, per_parent, per_parent_f, e, f, slides, spread, window),
        _seen(axis, per_one, per_one_f, e, f, slides, 1.0, window),
        spread * spread_f * box,
    )


@kernel
def _seen(
    axis: int, height: float, filters: float, e: float, f: float, slides: bool, instances: float, window: Ints
) -> float:
    """Rows fetched for outputs and filter rows in tiles of `e` and `f`; while a window slides, each row once."""
    step, dilation = float(window[axis]), float(window[2 + axis])
    if slides:
        if dilation == 1.0 and step <= f:
            return step * (height - instances) + instances * f
        return max(height, filters)
    n, m = float(np.ceil(height / e)), float(np.ceil(filters / f))
    return step * (height - n) * m + dilation * (filters - m) * n + n * m


@kernel
def _add_sums(
    inner: int, parent: int, every: float, shared: float, above: float, one: float, sizes: Ints, stage: Stage,
    bits: Floats,
) -> None:  # fmt: skip
    """Outputs: at most their number goes up finished, whatever exceeds it goes up and comes back as partial sums."""
    source, moved = stage.source[inner, OUTPUT], stage.moved[inner, OUTPUT]
    served = moved / stage.servers[inner, OUTPUT]
    up, down = stage.wide[source, OUTPUT], stage.wide[inner, OUTPUT]
    finished = up if stage.partial[parent] else stage.narrow[source, OUTPUT]
    is_home = inner == stage.home[OUTPUT]
    held = down if is_home or stage.partial[inner] else stage.narrow[inner, OUTPUT]
    outputs = of_parent = of_one = copies = 1.0
    for d in range(8):
        if RELEVANT[OUTPUT, d]:
            outputs *= sizes[d]
            of_parent *= min(float(sizes[d]), stage.covered[d] / stage.around[parent, d])
            of_one *= min(float(sizes[d]), stage.covered[d] / stage.around[inner, d])
        else:
            copies *= stage.around[parent, d]
    first = min(outputs * copies, shared)
    bits[source, WRITES] += ((shared - first) * up + first * finished) * moved
    bits[source, READS] += (shared - first) * up * moved
    bits[inner, WRITES] += (shared - first) * down * moved
    # The array does not read a sum that begins afresh, which makes up for sending it on.
    bits[inner, READS] += (
        (shared - first) * down if is_home else (max(every - first, 0.0) * down + first * held) * moved
    )
    first = min(of_parent, above)
    bits[source, ONE_WRITES] += ((above - first) * up + first * finished) * served
    bits[source, ONE_READS] += (above - first) * up * served
    first = min(of_one, one)
    bits[inner, ONE_WRITES] += (one - first) * down * moved
    bits[inner, ONE_READS] += ((one - first) * down + (0.0 if is_home else first * held)) * moved
    if is_home and source == inner:
        # Sums that lie in place are not sent on; the array writes each at least once.
        bits[inner, READS] -= stage.array[inner, WRITES] * (1.0 - moved)
        bits[inner, ONE_READS] -= of_one * (1.0 - moved) * down


@kernel
def least_cost(
    v: int, cycles: float, base_j: float, bits: Floats, first: Floats, depth: int, keeps: Flags, double: Flags,
    sources: Ints, skew: int, variants: Variants, own: Floats,
) -> tuple[float, float]:  # fmt: skip
    """Cycles and joules that a variant takes at least, by what is known of the levels up to `depth`."""
    levels = keeps.shape[0]
    energy, longest, ends = base_j, cycles, 0.0
    own[:] = 0.0
    for operand in range(3):
        for inner in range(1, depth + 1):
            if not keeps[inner, operand]:
                continue
            parent = sources[inner, operand]
            up, down = variants.read_width[v, parent], variants.read_width[v, inner]
            if operand == OUTPUT and variants.write_width[v, parent] > 0.0:
                up = variants.write_width[v, parent]
            if operand != OUTPUT and variants.write_width[v, inner] > 0.0:
                down = variants.write_width[v, inner]
            above, below = first[inner, operand, FIRST_ABOVE] / up, first[inner, operand, FIRST_BELOW] / down
            if parent == inner:
                # Serial time is that of reading alone, which is less than the exchange takes.
                above = port_time(above, below, variants.write_width[v, inner] > 0.0)
                below = 0.0
            own[parent] += above
            own[inner] += below
            ends += max(above, below)
            if not double[inner]:
                longest += max(first[inner, operand, ALL_ABOVE] / up - max(above, below), 0.0)
    for n in range(levels):
        energy += bits[n, READS] * variants.read_j[v, n] + bits[n, WRITES] * variants.write_j[v, n]
        reads, writes = max(bits[n, ONE_READS], 0.0), bits[n, ONE_WRITES]
        if variants.write_width[v, n] == 0.0:
            busy = (reads + writes) / variants.read_width[v, n]
        else:
            busy = max(reads / variants.read_width[v, n], writes / variants.write_width[v, n])
        longest = max(longest, busy - own[n])
    total = longest + ends + skew
    return total, energy + total * variants.static_j_per_cycle[v]

"""Which tile engine is the fastest? Compiled enumeration with lower bounds, over columns and rows of `_fpga`."""

from __future__ import annotations

import math

import numpy as np

from coexplore.cost._compile import inner, kernel, maker
from coexplore.cost._fpga import (
    DEPTHWISE,
    DESIGN_COLUMNS,
    DRAIN,
    IP,
    OP,
    TC,
    TM,
    TMD,
    TN,
    TR,
    WP,
    Floats,
    Ints,
    cycles_of,
    fits,
    layer_cycles,
    layer_work,
    occupy_for,
    set_area,
)

SLACK = 1 - 1e-12
"""A lower bound summed in another order stays one."""


@inner
def least_cycles(layers: Ints, counts: Ints, design: Ints, words: int, rules: Ints, alone: int) -> float:
    """A lower bound for the layers with (`alone` 1) or without a depthwise engine's work, whatever the ports.

    `design` has the widest port on each side. No layer is faster than with those, nor than all it moves at `words` per
    cycle over all ports.
    """
    total = 0.0
    for i in range(layers.shape[0]):
        if layers[i, DEPTHWISE] == alone:
            cycles, _, load_in, load_weight, store = layer_cycles(layers[i], design, rules)
            moved = load_in * design[IP] + load_weight * design[WP] + store * design[OP]
            total += counts[i] * max(cycles, moved / words)
    return SLACK * total


@inner
def total_cycles(work: Floats, counts: Ints, port: Ints, drain: int, limit: float) -> float:
    """Cycles of all layers' work (l, 6) behind three ports, or infinity as soon as they reach `limit`."""
    total = 0.0
    for i in range(work.shape[0]):
        one = (work[i, 0], work[i, 1], work[i, 2], work[i, 3], work[i, 4], work[i, 5])
        total += counts[i] * cycles_of(one, port[0], port[1], port[2], drain)
        if total >= limit:
            return math.inf
    return total


@maker
def best_ports(
    layers: Ints, counts: Ints, ports: Ints, rules: Ints, limit: float, design: Ints, work: Floats, best: Ints
) -> float:
    """The first of the fastest port triples (p, 3), sorted, below `limit`; writes a better design into `best`.

    `work` (l, 6) is room to work in.
    """
    for i in range(layers.shape[0]):
        work[i, 0], work[i, 1], work[i, 2], work[i, 3], work[i, 4], work[i, 5] = layer_work(layers[i], design, rules)
    widest, hopeless = np.array((0, ports[:, 1].max(), ports[:, 2].max())), -1
    for p in range(ports.shape[0]):
        if ports[p, 0] == hopeless:
            continue
        if p == 0 or ports[p, 0] != ports[p - 1, 0]:
            widest[0] = ports[p, 0]
            if total_cycles(work, counts, widest, rules[DRAIN], limit) == math.inf:
                hopeless = ports[p, 0]
                continue
        cycles = total_cycles(work, counts, ports[p], rules[DRAIN], limit)
        if cycles < limit:
            limit = cycles
            best[:] = design
            best[WP], best[IP], best[OP] = ports[p]
    return limit


@maker
def tile_bounds(
    layers: Ints,
    counts: Ints,
    pairs: Ints,
    engines: Ints,
    tile: Ints,
    ports: Ints,
    rules: Ints,
    dense: Floats,
    lone: Floats,
) -> None:
    """Fill `dense` (n,) and `lone` (e,) with lower bounds of both engines' work at a tile of rows and columns."""
    design, words = np.zeros(DESIGN_COLUMNS, np.int64), ports.sum(axis=1).max()
    design[TR], design[TC] = tile
    design[WP], design[IP], design[OP] = ports[:, 0].max(), ports[:, 1].max(), ports[:, 2].max()
    for n in range(pairs.shape[0]):
        design[TM], design[TN] = pairs[n, 0], pairs[n, 1]
        dense[n] = least_cycles(layers, counts, design, words, rules, 0)
    for e in range(engines.shape[0]):
        design[TMD] = engines[e]
        lone[e] = least_cycles(layers, counts, design, words, rules, 1) if engines[e] > 0 else 0.0


@kernel
def promise(
    layers: Ints,
    counts: Ints,
    pairs: Ints,
    engines: Ints,
    channels: Ints,
    tiles: Ints,
    ports: Ints,
    rules: Ints,
    least: Floats,
) -> None:
    """Fill `least` (t,): a lower bound for the best design of each tile."""  # fmt: skip
    dense, lone = np.empty(pairs.shape[0]), np.empty(engines.shape[0])
    for t in range(tiles.shape[0]):
        tile_bounds(layers, counts, pairs, engines, tiles[t], ports, rules, dense, lone)
        least[t] = math.inf
        for c in range(channels.shape[0]):
            least[t] = min(least[t], dense[channels[c, 0]] + lone[channels[c, 1]])


@kernel
def best_of(
    layers: Ints,
    counts: Ints,
    pairs: Ints,
    engines: Ints,
    channels: Ints,
    tiles: Ints,
    ports: Ints,
    rules: Ints,
    memory: Ints,
    limit: float,
    best: Ints,
) -> float:
    """The first of the fastest designs that fit, in the order of tiles (t, 2), channels, ports.

    `channels` (c, 2) picks one of `pairs` (n, 2) and one of `engines` (e,). Only designs below `limit` cycles count.
    What has a lower bound that is not below the best so far is skipped, so nothing is lost (`SLACK` covers another
    order of summation). Fills `best` (8,); returns its cycles, or `limit` if there is none.
    """  # fmt: skip
    design, used = np.zeros(DESIGN_COLUMNS, np.int64), np.zeros(5, np.int64)
    dense, lone = np.empty(pairs.shape[0]), np.empty(engines.shape[0])
    area, work = set_area(layers), np.empty((layers.shape[0], 6))
    for t in range(tiles.shape[0]):
        design[TR], design[TC] = tiles[t]
        tile_bounds(layers, counts, pairs, engines, tiles[t], ports, rules, dense, lone)
        for c in range(channels.shape[0]):
            n, e = channels[c]
            if dense[n] + lone[e] >= limit:
                continue
            design[TM], design[TN], design[TMD] = pairs[n, 0], pairs[n, 1], engines[e]
            occupy_for(layers, design, area, memory, used)
            if fits(memory, used):
                limit = best_ports(layers, counts, ports, rules, limit, design, work, best)
    return limit

"""Which tile engine is the fastest? Compiled enumeration with lower bounds, over columns and rows of `_fpga`."""

from __future__ import annotations

import math

import numpy as np

from coexplore.cost._compile import kernel
from coexplore.cost._fpga import (
    COLS,
    DEPTHWISE,
    DESIGN_COLUMNS,
    DRAIN,
    IP,
    KC,
    KR,
    OP,
    ROWS,
    TC,
    TILE_HALO,
    TM,
    TMD,
    TN,
    TR,
    WP,
    Floats,
    Ints,
    cycles_of,
    fits,
    input_area,
    layer_cycles,
    layer_work,
    occupy,
    occupy_for,
    set_area,
)

SLACK = 1 - 1e-12
"""A lower bound summed in another order stays one."""


@kernel
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


@kernel
def total_cycles(work: Floats, counts: Ints, port: Ints, drain: int, limit: float) -> float:
    """Cycles of all layers' work (l, 6) behind three ports, or infinity as soon as they reach `limit`."""
    total = 0.0
    for i in range(work.shape[0]):
        one = (work[i, 0], work[i, 1], work[i, 2], work[i, 3], work[i, 4], work[i, 5])
        total += counts[i] * cycles_of(one, port[0], port[1], port[2], drain)
        if total >= limit:
            return math.inf
    return total


@kernel
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


@kernel
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


@kernel
def tile_needs(layers: Ints, designs: Ints, group: int, memory: Ints, in_words: Ints, out_words: Ints) -> None:
    """Fill in_words and out_words (l, g): words per channel that a layer's tiles take in each group of designs."""
    for i in range(layers.shape[0]):
        for g in range(in_words.shape[1]):
            tr, tc = designs[g * group, TR], designs[g * group, TC]
            in_words[i, g], out_words[i, g] = tr * tc, tr * tc
            if memory[TILE_HALO] == 1:
                in_words[i, g] = input_area(layers[i], tr, tc)
                out_words[i, g] = min(tr, layers[i, ROWS]) * min(tc, layers[i, COLS])


@kernel
def best_segments(
    layers: Ints, designs: Ints, group: int, cycles: Floats, memory: Ints, best: Floats, chosen: Ints
) -> None:
    """Fill best and chosen (l, l + 1): cycles and row of the fastest fitting design of the layers from i before j.

    `cycles` is (l, d). Designs come in groups of `group` that differ in their ports alone, so they fit together. Runs
    grow layer by layer: a run needs the running maximum over its layers, and what does not fit never fits again.
    """
    n, count, groups = layers.shape[0], designs.shape[0], designs.shape[0] // group
    in_words, out_words = np.empty((n, groups), np.int64), np.empty((n, groups), np.int64)
    tile_needs(layers, designs, group, memory, in_words, out_words)
    used = np.zeros(5, np.int64)
    for i in range(n):
        total, alive = np.zeros(count), np.ones(groups, np.bool_)
        need_in, need_out = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
        area = 0
        for j in range(i, n):
            wider = layers[j, KR] * layers[j, KC] > area
            area = max(area, layers[j, KR] * layers[j, KC])
            fastest, which = math.inf, -1
            for g in range(groups):
                if not alive[g]:
                    continue
                if wider or in_words[j, g] > need_in[g] or out_words[j, g] > need_out[g]:
                    need_in[g], need_out[g] = max(need_in[g], in_words[j, g]), max(need_out[g], out_words[j, g])
                    occupy(designs[g * group], need_in[g], need_out[g], area, memory, used)
                    alive[g] = fits(memory, used)
                    if not alive[g]:
                        continue
                low = math.inf
                for d in range(g * group, (g + 1) * group):
                    total[d] += cycles[j, d]
                    low = min(low, total[d])
                if low < fastest:
                    fastest, which = low, g
            best[i, j + 1], chosen[i, j + 1] = fastest, -1
            for d in range(which * group, which * group + group if which >= 0 else 0):
                if total[d] == fastest:
                    chosen[i, j + 1] = d
                    break

"""Which tile engine is the fastest for every run of layers? Compiled, over the rows and columns of `_fpga`.

Cycles of a run are those of its dense layers on Tm x Tn multipliers plus those of its depthwise layers on Tm(d). So the
parts are priced apart, and a design is a tile of rows and columns (t), a pair (n) or an engine (e), and ports (p).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from coexplore.cost._compile import inner, kernel
from coexplore.cost._fpga import (
    COLS,
    DEPTHWISE,
    DESIGN_COLUMNS,
    DRAIN,
    KC,
    KR,
    ROWS,
    TC,
    TILE_HALO,
    TM,
    TMD,
    TN,
    TR,
    Floats,
    Ints,
    cycles_of,
    fits,
    input_area,
    layer_work,
    occupy,
)

Bools = NDArray[np.bool_]


@kernel
def price_part(
    layers: Ints, parts: Ints, tiles: Ints, ports: Ints, rules: Ints, alone: int, cycles: Floats, least: Floats
) -> None:
    """Fill cycles (l, t, n, p), and least (l, t, n) over the ports, for the layers with or without a second engine.

    `parts` (n, 2) are Tm and Tn, or Tm(d) and nothing where `alone` is 1. Other layers cost nothing.
    """  # fmt: skip
    design = np.zeros(DESIGN_COLUMNS, np.int64)
    for i in range(layers.shape[0]):
        for t in range(tiles.shape[0]):
            design[TR], design[TC] = tiles[t]
            for n in range(parts.shape[0]):
                if layers[i, DEPTHWISE] != alone or parts[n, 0] == 0:
                    cycles[i, t, n, :] = 0.0
                    least[i, t, n] = 0.0
                    continue
                if alone == 1:
                    design[TMD] = parts[n, 0]
                else:
                    design[TM], design[TN] = parts[n, 0], parts[n, 1]
                work, low = layer_work(layers[i], design, rules), math.inf
                for p in range(ports.shape[0]):
                    value = cycles_of(work, ports[p, 0], ports[p, 1], ports[p, 2], rules[DRAIN])
                    cycles[i, t, n, p] = value
                    low = min(low, value)
                least[i, t, n] = low


@inner
def tile_needs(layers: Ints, tiles: Ints, memory: Ints, in_words: Ints, out_words: Ints) -> None:
    """Fill in_words and out_words (l, t): words per channel that a layer's tiles take."""
    for i in range(layers.shape[0]):
        for t in range(tiles.shape[0]):
            tr, tc = tiles[t]
            in_words[i, t], out_words[i, t] = tr * tc, tr * tc
            if memory[TILE_HALO] == 1:
                in_words[i, t] = input_area(layers[i], tr, tc)
                out_words[i, t] = min(tr, layers[i, ROWS]) * min(tc, layers[i, COLS])


@inner
def catch_up(kinds: Ints, first: int, until: int, cycles: Floats, t: int, n: int, reached: Ints, total: Floats) -> None:
    """Bring the totals (t, n, p) of a part up to the layers from `first` before `until`, adding in their order."""
    if reached[t, n] == first:
        total[t, n, :] = 0.0
    for k in range(reached[t, n], until):
        for p in range(total.shape[2]):
            total[t, n, p] += cycles[kinds[k], t, n, p]
    reached[t, n] = until


@inner
def best_ports_of(dense: Floats, lone: Floats, limit: float) -> tuple[float, int]:
    """Cycles and number of the first of the fastest ports (p,), if they are at most `limit`; else infinity and -1."""
    best, which = math.inf, -1
    for p in range(dense.shape[0]):
        value = dense[p] + lone[p]
        if value < best:
            best, which = value, p
    return (best, which) if best <= limit else (math.inf, -1)


@kernel
def best_runs(
    kinds: Ints,
    layers: Ints,
    pairs: Ints,
    engines: Ints,
    number: Ints,
    tiles: Ints,
    dense: Floats,
    dense_least: Floats,
    lone: Floats,
    lone_least: Floats,
    memory: Ints,
    held: int,
    best: Floats,
    chosen: Ints,
) -> None:
    """Fill best (x, x + 1) and chosen (x, x + 1, 3): cycles, tile, channels and ports of every run's fastest design.

    Layer i of x is row `kinds[i]` of `layers`; `number` (n, e) is the place of a pair with an engine in the grid, -1
    for none; weight banks hold at least `held` words. Runs from i grow layer by layer. What does not fit never fits
    again. A part whose best ports for each layer alone add up to more than the best so far is passed over, and its
    totals are made up for in the same order when it is looked at again, so they are those of adding up always. Of equal
    designs the first of the grid is taken: tiles, then channels, then ports.
    """  # fmt: skip
    size, places = kinds.shape[0], number.max() + 1
    shape_d, shape_e = (tiles.shape[0], pairs.shape[0]), (tiles.shape[0], engines.shape[0])
    in_words, out_words = (
        np.empty((layers.shape[0], shape_d[0]), np.int64),
        np.empty((layers.shape[0], shape_d[0]), np.int64),
    )
    tile_needs(layers, tiles, memory, in_words, out_words)
    total_d, total_e = np.empty(dense.shape[1:]), np.empty(lone.shape[1:])
    reached_d, reached_e = np.empty(shape_d, np.int64), np.empty(shape_e, np.int64)
    bound_d, bound_e = np.empty(shape_d), np.empty(shape_e)
    dead = np.empty((shape_d[0], shape_d[1], shape_e[1]), np.bool_)
    need_in, need_out = np.empty(shape_d[0], np.int64), np.empty(shape_d[0], np.int64)
    design, used = np.zeros(DESIGN_COLUMNS, np.int64), np.zeros(5, np.int64)
    for i in range(size):
        reached_d[:], reached_e[:], bound_d[:], bound_e[:], dead[:] = i, i, 0.0, 0.0, False
        need_in[:], need_out[:], area = 0, 0, held
        # Tile, pair and engine of the best design so far; that of the run before is likely to be the best again.
        bt, bn, be = -1, -1, -1
        for j in range(i, size):
            kind = kinds[j]
            area = max(area, layers[kind, KR] * layers[kind, KC])
            need_in[:] = np.maximum(need_in, in_words[kind])
            need_out[:] = np.maximum(need_out, out_words[kind])
            bound_d += dense_least[kind]
            bound_e += lone_least[kind]
            fastest, place, bp = math.inf, -1, -1
            for step in range(-1, shape_d[0]):
                if step == -1 and bt < 0:
                    continue
                t = bt if step == -1 else step
                lowest = bound_e[t].min()
                for n in range(shape_d[1]):
                    if bound_d[t, n] + lowest > fastest or (step == -1 and n != bn):
                        continue
                    for e in range(shape_e[1]):
                        here = t * places + number[n, e]
                        if number[n, e] < 0 or dead[t, n, e] or bound_d[t, n] + bound_e[t, e] > fastest:
                            continue
                        if here == place or (step == -1 and e != be):
                            continue
                        design[TM], design[TN], design[TMD] = pairs[n, 0], pairs[n, 1], engines[e]
                        occupy(design, need_in[t], need_out[t], area, memory, used)
                        if not fits(memory, used):
                            dead[t, n, e] = True
                            continue
                        catch_up(kinds, i, j + 1, dense, t, n, reached_d, total_d)
                        catch_up(kinds, i, j + 1, lone, t, e, reached_e, total_e)
                        low, p = best_ports_of(total_d[t, n], total_e[t, e], fastest)
                        if low < fastest or (p >= 0 and here < place):
                            fastest, place, bt, bn, be, bp = low, here, t, n, e, p
            if place < 0:
                break
            best[i, j + 1] = fastest
            chosen[i, j + 1, 0], chosen[i, j + 1, 1], chosen[i, j + 1, 2] = bt, number[bn, be], bp

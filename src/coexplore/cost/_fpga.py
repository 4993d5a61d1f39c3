"""How many cycles does a layer take on a tile engine, and what does the engine occupy? Compiled formulas.

Rows of layers and designs are whole numbers in the columns below. Nothing is rounded unless a ceiling is written.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coexplore.cost._compile import inner, kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Row = tuple[float, float, float, float, float]
Work = tuple[float, float, float, float, float, float]

# Columns of a layer.
BATCH, OUT, IN, ROWS, COLS, KR, KC, SR, SC, DR, DC, PR, PC, DEPTHWISE = range(14)
LAYER_COLUMNS = 14
# Columns of a design.
TM, TN, TR, TC, WP, IP, OP, TMD = range(8)
DESIGN_COLUMNS = 8
# Rules of time.
STRIDE_TWICE, CHANNELS_TWICE, HALO, DRAIN, CLIPPED = range(5)
# Rules and limits of memory.
BITS, BLOCK_BITS, COPIES, SPLIT, TILE_HALO, DEPTHWISE_BANKS, LIMIT_BLOCKS, LIMIT_LUTS, LIMIT_DSPS, PER_MAC = range(10)
# What an engine occupies.
DSPS, INPUT_BLOCKS, OUTPUT_BLOCKS, WEIGHT_BLOCKS, WEIGHT_LUTS = range(5)


@inner
def ceil_div(a: int, b: int) -> int:
    """Whole number, rounded up."""
    return -(-a // b)


@inner
def layer_work(layer: Ints, design: Ints, rules: Ints) -> Work:
    """What a layer does on a design, whatever its ports.

    Cycles to compute a tile; words of a tile of inputs, of weights and of outputs; steps that fill one output tile; and
    the number of output tiles.
    """
    m, n, rows, cols = layer[OUT], layer[IN], layer[ROWS], layer[COLS]
    sr, sc = layer[SR], layer[SC]
    area = layer[KR] * layer[KC]
    alone = layer[DEPTHWISE] == 1
    tm = design[TMD] if alone else design[TM]
    tn = design[TMD] if alone else design[TN]
    tr, tc = design[TR], design[TC]
    out_tile, in_tile = tm, tn
    if rules[CLIPPED] == 1:
        tr, tc = min(tr, rows), min(tc, cols)
        out_tile, in_tile = min(tm, m), min(tn, n)
    out_rows, out_cols, work = tr, tc, tr * tc
    if rules[STRIDE_TWICE] == 1:
        out_rows, out_cols = ceil_div(tr, sr), ceil_div(tc, sc)
        padded_r, padded_c = min(design[TR], rows + 2 * layer[PR]), min(design[TC], cols + 2 * layer[PC])
        work = ceil_div(padded_r, sr) * ceil_div(padded_c, sc)
    in_rows, in_cols = tr, tc
    if rules[HALO] == 1:
        in_rows = (tr - 1) * sr + (layer[KR] - 1) * layer[DR] + 1
        in_cols = (tc - 1) * sc + (layer[KC] - 1) * layer[DC] + 1
    inner = ceil_div(n, tn)
    if alone and rules[CHANNELS_TWICE] == 0:
        inner = 1
    outer = layer[BATCH] * ceil_div(rows, design[TR]) * ceil_div(cols, design[TC]) * ceil_div(m, tm)
    weights = (tm if alone else tm * tn) * area
    return (
        float(area * work),
        float(in_tile * in_rows * in_cols),
        float(weights),
        float(out_tile * out_rows * out_cols),
        float(inner),
        float(outer),
    )


@inner
def cycles_of(work: Work, weight_port: float, input_port: float, output_port: float, drain: int) -> float:
    """Cycles of a layer's work behind three ports."""
    compute, in_words, weights, out_words, inner, outer = work
    first = max(compute, in_words / input_port, weights / weight_port)
    store = out_words / output_port
    cycles = outer * max(inner * first, store)
    return cycles + (store + first) if drain == 1 else cycles


@kernel
def layer_cycles(layer: Ints, design: Ints, rules: Ints) -> Row:
    """Cycles of a layer, and the busy cycles of computing, and of the input, weight and output ports."""
    work = layer_work(layer, design, rules)
    compute, in_words, weights, out_words, inner, outer = work
    steps = outer * inner
    cycles = cycles_of(work, design[WP], design[IP], design[OP], rules[DRAIN])
    load_in, load_weight, store = in_words / design[IP], weights / design[WP], out_words / design[OP]
    return cycles, steps * compute, steps * load_in, steps * load_weight, outer * store


@kernel
def price_designs(layers: Ints, designs: Ints, group: int, rules: Ints, cycles: Floats) -> None:
    """Fill cycles (l, d): every layer (l, 14) on every design (d, 8).

    Designs come in groups of `group` that share a tile and go through the same ports in the same order.
    """
    weight_ports, input_ports, output_ports = np.empty(group), np.empty(group), np.empty(group)
    for p in range(group):
        weight_ports[p], input_ports[p], output_ports[p] = designs[p, WP], designs[p, IP], designs[p, OP]
    for i in range(layers.shape[0]):
        for start in range(0, designs.shape[0], group):
            work = layer_work(layers[i], designs[start], rules)
            for p in range(group):
                cycles[i, start + p] = cycles_of(work, weight_ports[p], input_ports[p], output_ports[p], rules[DRAIN])


@inner
def input_area(layer: Ints, tr: int, tc: int) -> int:
    """Words per channel of the input tile of a layer, halo included."""
    rows: int = (min(tr, layer[ROWS]) - 1) * layer[SR] + (layer[KR] - 1) * layer[DR] + 1
    cols: int = (min(tc, layer[COLS]) - 1) * layer[SC] + (layer[KC] - 1) * layer[DC] + 1
    return rows * cols


@inner
def lut_ram(words: int, bits: int) -> int:
    """Look-up tables of a memory with one port to write and one to read: four hold 32 x 6 or 64 x 3 bits."""
    return min(4 * ceil_div(words, 32) * ceil_div(bits, 6), 4 * ceil_div(words, 64) * ceil_div(bits, 3))


@inner
def occupy(design: Ints, in_words: int, out_words: int, area: int, memory: Ints, used: Ints) -> None:
    """Fill `used` (5,) for buffers of so many words per channel and `area` words per weight bank.

    Weight banks go to block RAM as far as it is free, the others to look-up tables where those are allowed.
    """
    bits, block, tmd = memory[BITS], memory[BLOCK_BITS], design[TMD]
    banks_in, banks_out, banks = design[TN], design[TM], design[TM] * design[TN]
    used[DSPS] = (banks + tmd) * memory[PER_MAC]
    if memory[DEPTHWISE_BANKS] == 1:
        banks_in, banks_out, banks = max(banks_in, tmd), max(banks_out, tmd), max(banks, tmd)
    used[INPUT_BLOCKS] = 2 * banks_in * ceil_div(in_words * bits, block)
    used[OUTPUT_BLOCKS] = 2 * banks_out * ceil_div(out_words * bits, block)
    per_bank = ceil_div(memory[COPIES] * area * bits, block)
    if memory[SPLIT] == 1:
        per_bank = 2 * ceil_div(area * bits, block)
    in_blocks = banks
    if memory[LIMIT_LUTS] > 0:
        free = memory[LIMIT_BLOCKS] - used[INPUT_BLOCKS] - used[OUTPUT_BLOCKS]
        in_blocks = min(banks, max(free, 0) // per_bank)
    used[WEIGHT_BLOCKS] = in_blocks * per_bank
    used[WEIGHT_LUTS] = (banks - in_blocks) * lut_ram(memory[COPIES] * area, bits)


@inner
def fits(memory: Ints, used: Ints) -> bool:
    """Whether an engine fits the limits."""
    blocks = used[INPUT_BLOCKS] + used[OUTPUT_BLOCKS] + used[WEIGHT_BLOCKS]
    roomy: bool = blocks <= memory[LIMIT_BLOCKS] and used[WEIGHT_LUTS] <= memory[LIMIT_LUTS]
    return roomy and bool(used[DSPS] <= memory[LIMIT_DSPS])


@inner
def set_area(layers: Ints) -> int:
    """Words of the largest kernel of a layer set."""
    area = 1
    for i in range(layers.shape[0]):
        area = max(area, layers[i, KR] * layers[i, KC])
    return area


@kernel
def occupy_for(layers: Ints, design: Ints, area: int, memory: Ints, used: Ints) -> None:
    """As `occupy`, with tiles as large as the layers need them (`TILE_HALO`), or the design says."""
    in_words, out_words = design[TR] * design[TC], design[TR] * design[TC]
    if memory[TILE_HALO] == 1:
        in_words, out_words = 1, 1
        for i in range(layers.shape[0]):
            in_words = max(in_words, input_area(layers[i], design[TR], design[TC]))
            out_words = max(out_words, min(design[TR], layers[i, ROWS]) * min(design[TC], layers[i, COLS]))
    occupy(design, in_words, out_words, area, memory, used)


@kernel
def occupy_all(layers: Ints, designs: Ints, memory: Ints, used: Ints, roomy: Ints) -> None:
    """Fill used (d, 5) and roomy (d,) for every design (d, 8)."""
    area = set_area(layers)
    for d in range(designs.shape[0]):
        occupy_for(layers, designs[d], area, memory, used[d])
        roomy[d] = 1 if fits(memory, used[d]) else 0

"""Which tile engine is the fastest for a set of layers? Exact enumeration of designs, compiled.

A `DesignGrid` says what is enumerated; within it the answer is the optimum, and of equal designs the first in the order
of the grid. `sweep` prices a whole grid, `best_design` finds its optimum without pricing all of it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.fpga import DSPS_PER_MULTIPLIER, FpgaDesign, FpgaDevice, Ports
from coexplore.core.errors import AcceleratorError
from coexplore.cost._fpga import DESIGN_COLUMNS, Floats, Ints, occupy_all, price_designs
from coexplore.cost._fpga_search import best_of, promise
from coexplore.cost.fpga import CONSISTENT, FpgaRules, memory_row, port_limit, price_on_fpga
from coexplore.cost.fpga_layers import FpgaLayer, layer_rows, without_depthwise

Triple = tuple[int, int, int]

MOST_PRICED = 10_000_000
"""Designs of a sweep, which keeps all of them in memory."""


@dataclass(frozen=True, slots=True)
class DesignGrid:
    """Designs in order: rows outermost, then columns, channels and ports."""

    channels: tuple[Triple, ...]
    """(Tm, Tn, Tm(d)); Tm(d) is 0 throughout where there is no depthwise engine."""
    rows: tuple[int, ...]
    cols: tuple[int, ...]
    ports: tuple[Triple, ...]
    """(weight, input, output) words per cycle."""
    bits: int = 16

    def __post_init__(self) -> None:
        for name in ("channels", "rows", "cols", "ports"):
            if not getattr(self, name):
                raise AcceleratorError(f"grid.{name} is empty: no such design fits the device; give at least one value")
        least = min(
            *self.rows, *self.cols, *itertools.chain(*self.ports), *(min(tm, tn) for tm, tn, _ in self.channels)
        )
        if least < 1:
            raise AcceleratorError(f"the grid contains {least}; tiles and ports are at least 1")
        with_engine = {tm_d > 0 for _, _, tm_d in self.channels}
        if len(with_engine) > 1:
            raise AcceleratorError("grid.channels mixes designs with and without a depthwise engine; search them apart")

    @property
    def depthwise(self) -> bool:
        """Whether the designs have an engine for depthwise convolutions."""
        return self.channels[0][2] > 0

    def __len__(self) -> int:
        return len(self.channels) * len(self.rows) * len(self.cols) * len(self.ports)

    def design(self, tile: int, channels: int, ports: int) -> Ints:
        """One of them, (8,): by the places of its rows and columns, of its channels and of its ports."""
        row, column = divmod(tile, len(self.cols))
        tm, tn, tm_d = self.channels[channels]
        return np.array((tm, tn, self.rows[row], self.cols[column], *self.ports[ports], tm_d), np.int64)

    def designs(self) -> Ints:
        """All of them, (d, 8)."""
        tiles = np.array(list(itertools.product(self.rows, self.cols)), np.int64)
        tall, wide = np.array(self.channels, np.int64), np.array(self.ports, np.int64)
        table = np.empty((len(tiles), len(tall), len(wide), DESIGN_COLUMNS), np.int64)
        table[..., 0:2], table[..., 7] = tall[:, None, 0:2], tall[:, None, 2]
        table[..., 2:4] = tiles[:, None, None]
        table[..., 4:7] = wide
        return table.reshape(-1, DESIGN_COLUMNS)


def published_grid(device: FpgaDevice, *, depthwise: bool = False) -> DesignGrid:
    """The authors' search space (`Interface/search_space.py`): for 2,520 DSPs and 512 port bits 5,184 designs."""
    budget = device.dsp
    engines: tuple[int, ...] = tuple(range(64, 961, 128)) if depthwise else (0,)
    channels = [
        (tm, (budget - tm_d) // tm, tm_d) for tm in range(10, 221, 30) for tm_d in engines if budget - tm_d >= tm
    ]
    return DesignGrid(tuple(channels), (32, 64, 256), (32, 64, 256), _ports((2, 6, 10, 14, 18), device.port_bits, 16))


def fine_grid(
    layers: Sequence[FpgaLayer],
    device: FpgaDevice,
    rules: FpgaRules = CONSISTENT,
    bits: int = 16,
    side: int | None = 16,
) -> DesignGrid:
    """The tiles that matter to the layers, and every split of the ports.

    A tile between two values of `ceil(size / n)` needs as many steps as the smaller and moves more, so only those
    values matter, for each size of the layers.

    Args:
        layers: run on the engine.
        device: what may be used.
        rules: whose bandwidth limit holds.
        bits: of a word.
        side: at most so many values of each tile size, the least wasteful of each equal ratio, and to each Tm also the
            Tn that fill the multipliers; None for all that matter.
    """
    dense = [layer for layer in layers if not layer.depthwise] or list(layers)
    alone = [layer for layer in layers if layer.depthwise]
    budget = device.dsp // DSPS_PER_MULTIPLIER[bits]
    outs, ins = _steps((layer.M for layer in dense), side, budget), _steps((layer.N for layer in dense), side, budget)
    engines = _steps((layer.M for layer in alone), side, budget) if alone else [0]
    channels = {
        (tm, tn, tm_d) for tm in outs for tn in ins if tm * tn <= budget for tm_d in engines if tm * tn + tm_d <= budget
    }
    if side is not None:
        every = np.array(_steps((layer.N for layer in dense), None, budget))
        channels |= {(tm, _most(every, (budget - e) // tm), e) for tm in outs for e in engines if budget - e >= tm}
    rows, cols = _steps((layer.R for layer in layers), side), _steps((layer.C for layer in layers), side)
    return DesignGrid(tuple(sorted(channels)), tuple(rows), tuple(cols), _all_splits(_words(device, rules, bits)), bits)


def coarse_grid(
    layers: Sequence[FpgaLayer], device: FpgaDevice, rules: FpgaRules = CONSISTENT, bits: int = 16, side: int = 8
) -> DesignGrid:
    """As `fine_grid` with fewer tiles, and with ports whose widths are eighths of all words."""
    fine = fine_grid(layers, device, rules, bits, side)
    return DesignGrid(fine.channels, fine.rows, fine.cols, _eighths(_words(device, rules, bits)), bits)


def stage_grid(layers: Sequence[FpgaLayer], device: FpgaDevice, rules: FpgaRules = CONSISTENT) -> DesignGrid:
    """What is tried for every stage of a pipeline: many channels, since stages differ most in those; few tiles.

    To each Tm belong the Tn that fill the multipliers beside each Tm(d), and those that fill a share of them.
    """
    dense = [layer for layer in layers if not layer.depthwise] or list(layers)
    alone = [layer for layer in layers if layer.depthwise]
    rows, cols = (tuple(_steps(sizes, TILE_SIDE)) for sizes in ([x.R for x in layers], [x.C for x in layers]))
    ports = _eighths(_words(device, rules, FIXED_POINT))
    engines = _steps((layer.M for layer in alone), LONE_SIDE, device.dsp) if alone else [0]
    ins = _steps((layer.N for layer in dense), None, device.dsp)
    for side in (32, 24, 16, 12, 8):
        outs = _steps((layer.M for layer in dense), side, device.dsp)
        channels = _filling(outs, ins, engines, device.dsp)
        pairs = {(tm, tn) for tm, tn, _ in channels}
        if len(pairs) * len(rows) * len(cols) * len(ports) <= MOST_PARTS:
            break
    return DesignGrid(tuple(sorted(channels)), rows, cols, ports, FIXED_POINT)


def _filling(outs: Sequence[int], ins: Sequence[int], engines: Sequence[int], budget: int) -> set[Triple]:
    """For each Tm the Tn that fill all multipliers beside each Tm(d), or a share of them."""
    known, found = np.array(ins), set[Triple]()
    for tm in outs:
        for room in {(budget - tm_d) // tm for tm_d in engines if budget - tm_d >= tm}:
            for tn in {_most(known, max(1, room * share // 12)) for share in SHARES}:
                found |= {(tm, tn, tm_d) for tm_d in engines if tm * tn + tm_d <= budget}
    return found


def _most(values: Ints, room: int) -> int:
    """The largest that is not above the room."""
    return int(values[values <= room].max())


SHARES = (12, 9, 6, 4, 3, 1)
"""Twelfths of the multipliers."""
TILE_SIDE, LONE_SIDE = 8, 10
"""Values of Tr and of Tc, and of Tm(d), for the stages of a pipeline."""
FIXED_POINT = 16
"""Bits of a word there."""
MOST_PARTS = 300_000
"""Tiles, channels of the dense engine and ports that are priced for the stages of a pipeline."""
EIGHTHS = 8


def _words(device: FpgaDevice, rules: FpgaRules, bits: int) -> int:
    return int(min(port_limit(device, rules), device.port_bits) // bits)


def _all_splits(words: int) -> tuple[Triple, ...]:
    """Every way to give all words to three ports."""
    return tuple((w, i, words - w - i) for w in range(1, words - 1) for i in range(1, words - w))


def _ports(choices: Iterable[int], port_bits: int, bits: int) -> tuple[Triple, ...]:
    widths = tuple(choices)
    return tuple(
        (w, i, o) for w, i, o in itertools.product(widths, repeat=3) if bits * (w + i + o) <= port_bits
    )  # fmt: skip


def _steps(sizes: Iterable[int], side: int | None, most: int | None = None) -> list[int]:
    """Values of ceil(size / n) up to `most`, ascending; of each of `side` equal ratios only the least wasteful.

    Twice the ratios contain the values of these.
    """
    return list(_steps_of(tuple(sorted(set(sizes))), side, most))


@lru_cache(maxsize=4096)
def _steps_of(wanted: tuple[int, ...], side: int | None, most: int | None) -> tuple[int, ...]:
    steps = {-(-size // n) for size in wanted for n in range(1, size + 1)}
    values = sorted(value for value in steps if most is None or value <= most)
    if side is None or len(values) <= side:
        return tuple(values)
    edge = math.log(values[-1]) * (1 + 1e-9)
    best: dict[int, tuple[float, int]] = {}
    for value in values:
        waste = sum(-(-size // value) * value / size for size in wanted)
        ratio = int(side * math.log(value) / edge)
        best[ratio] = min(best.get(ratio, (math.inf, 0)), (waste, -value))
    return tuple(sorted(-value for _, value in best.values()))


def _eighths(words: int) -> tuple[Triple, ...]:
    """Splits of the words whose shares are eighths."""
    return tuple(sorted({_shared(words, split) for split in _all_splits(EIGHTHS)} & set(_all_splits(words))))


def _shared(words: int, share: Triple) -> Triple:
    """A split of the words in the proportions of another."""
    weight, input_ = (max(1, words * part // sum(share)) for part in share[:2])
    return (weight, input_, max(1, words - weight - input_))


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Every design of a grid, in its order, for a layer set."""

    designs: Ints
    """(d, 8): Tm, Tn, Tr, Tc, weight, input and output ports, Tm(d)."""
    cycles: Floats
    """(d,) of all layers, one after the other."""
    used: Ints
    """(d, 5): DSPs, input, output and weight blocks, look-up tables."""
    feasible: NDArray[np.bool_]
    """(d,)"""


def sweep(
    layers: Sequence[FpgaLayer], device: FpgaDevice, grid: DesignGrid, rules: FpgaRules = CONSISTENT
) -> Sweep:  # fmt: skip
    """Price every design of a grid; equal layers are priced once.

    Raises:
        AcceleratorError: there are no layers, or more than `MOST_PRICED` designs.
    """
    if len(grid) > MOST_PRICED:
        raise AcceleratorError(f"the grid has {len(grid)} designs, a sweep prices up to {MOST_PRICED}; use best_design")
    rows, counts = _unique(layers, grid)
    designs = grid.designs()
    cycles = np.empty((len(rows), len(designs)))
    price_designs(rows, designs, len(grid.ports), rules.row, cycles)
    used, roomy = np.empty((len(designs), 5), np.int64), np.empty(len(designs), np.int64)
    occupy_all(rows, designs, memory_row(device, rules, grid.bits), used, roomy)
    in_reach = grid.bits * designs[:, 4:7].sum(axis=1) <= min(port_limit(device, rules), device.port_bits)
    return Sweep(designs, counts @ cycles, used, (roomy == 1) & in_reach)


@dataclass(frozen=True, slots=True)
class Found:
    """The optimum of a grid."""

    design: FpgaDesign | None
    """None where no design fits the device."""
    cycles: float
    reason: str
    """Why there is none."""
    designs: int
    """In the grid."""


def best_design(
    layers: Sequence[FpgaLayer], device: FpgaDevice, rules: FpgaRules = CONSISTENT, grid: DesignGrid | None = None
) -> Found:
    """The fastest design of a grid that fits the device; of equal ones the first.

    Args:
        layers: run one after the other.
        device: what may be used.
        rules: conventions.
        grid: what is enumerated; None is `fine_grid`.

    Raises:
        AcceleratorError: the grid is empty.
    """
    grid = fine_grid(layers, device, rules) if grid is None else grid
    rows, counts = _unique(layers, grid)
    limit_bits = min(port_limit(device, rules), device.port_bits)
    ports = np.array(sorted({triple for triple in grid.ports if grid.bits * sum(triple) <= limit_bits}), np.int64)
    if not len(ports):
        narrowest = grid.bits * min(map(sum, grid.ports))
        reason = f"ports: the narrowest need {narrowest} bits per cycle, {device.name!r} has {limit_bits:g}"
        return Found(None, math.inf, reason, len(grid))
    pairs, engines, channels = factored(grid)
    tiles = np.array(list(itertools.product(grid.rows, grid.cols)), np.int64)
    rules_row, memory = rules.row, memory_row(device, rules, grid.bits)
    best, least = np.zeros(DESIGN_COLUMNS, np.int64), np.empty(len(tiles))
    promise(rows, counts, pairs, engines, channels, tiles, ports, rules_row, least)
    promising = tiles[least.argsort(kind="stable")]
    cycles = best_of(rows, counts, pairs, engines, channels, promising, ports, rules_row, memory, math.inf, best)
    if cycles < math.inf:
        # Now in the order of the grid, for the first of equal designs.
        limit = float(np.nextafter(cycles, np.inf))
        cycles = best_of(rows, counts, pairs, engines, channels, tiles, ports, rules_row, memory, limit, best)
        return Found(design_of(best, layers, grid.bits), cycles, "", len(grid))
    smallest = price_on_fpga(layers, design_of(_smallest(grid), layers, grid.bits), device, rules)
    reason = f"none of {len(grid)} designs fits {device.name!r}; the smallest: {smallest.reason}"
    return Found(None, math.inf, reason, len(grid))


def _smallest(grid: DesignGrid) -> Ints:
    tm, tn, tm_d = min(grid.channels, key=lambda triple: (triple[0] * triple[1] + triple[2], triple))
    return np.array((tm, tn, min(grid.rows), min(grid.cols), *min(grid.ports, key=sum), tm_d), np.int64)


def factored(grid: DesignGrid) -> tuple[Ints, Ints, Ints]:
    """(n, 2) different pairs Tm, Tn; (e,) different Tm(d); and (c, 2) which of each every entry of the grid has."""
    pairs, engines = sorted({(tm, tn) for tm, tn, _ in grid.channels}), sorted({tm_d for *_, tm_d in grid.channels})
    number, lone = {pair: n for n, pair in enumerate(pairs)}, {tm_d: e for e, tm_d in enumerate(engines)}
    channels = [(number[tm, tn], lone[tm_d]) for tm, tn, tm_d in grid.channels]
    return np.array(pairs, np.int64), np.array(engines, np.int64), np.array(channels, np.int64)


def design_of(row: Ints, layers: Sequence[FpgaLayer], bits: int) -> FpgaDesign:
    """A row of a grid as a design whose buffers hold the kernels of the layers."""
    tm, tn, tr, tc, weight, input_, output, tm_d = (int(value) for value in row)
    dense = max((max(layer.kernel) for layer in layers if not (layer.depthwise and tm_d)), default=1)
    alone = max((max(layer.kernel) for layer in layers if layer.depthwise), default=1)
    return FpgaDesign(tm, tn, tr, tc, dense, Ports(weight, input_, output), tm_d, alone if tm_d else 0, bits)


def _unique(layers: Sequence[FpgaLayer], grid: DesignGrid) -> tuple[Ints, Ints]:
    """Rows of the layers without repeats, and how often each occurs."""
    if not layers:
        raise AcceleratorError("no layers to price; give at least one")
    runs = layers if grid.depthwise else without_depthwise(layers)
    rows, counts = np.unique(layer_rows(runs), axis=0, return_counts=True)
    return rows, counts.astype(np.int64)

"""Where does a fused inverted bottleneck beat a depthwise one? Latency and energy over stage shapes and accelerators.

A fused block replaces the 1x1 expansion and the k x k depthwise convolution by one k x k convolution, dense or in
groups: more multiply-accumulates, but one wide map less to store and an inner product that the dot units can fill.
Blocks keep their shape and add their input. Every op has its fastest mapping, and energy is that of the same mappings;
nothing is trained.

A block stands alone: it reads its input from main memory and writes its result there, so all kinds pay that alike. What
lies in between is in main memory or, where it takes a quarter of it, on chip: nobody has measured which, so every
answer is given for both. The accelerators are the baseline of the edge array, the baseline with one knob at an end of
its range, and the two corners of the whole range.

The last line is one JSON object. `fused_at_least_as_good_share` says at which share of the shapes the best fused block
is at least as good, lowest and highest over accelerators and assumptions, `..._baseline` over assumptions alone; early
maps have 56 pixels or more, late ones 14 or fewer; narrow are at most 48 channels. `widest_fused` has for each
accelerator, assumption and map the most channels up to which a fused block is at least as fast as the depthwise one at
every width tried, lowest and highest over kernels (0: at none). What has `dense` in its name is the same for fused
blocks of one group alone. `b0_fused_stages` lists the stages of EfficientNet-B0, counted from 0, where the best fused
block is at least as fast.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

os.environ["COEXPLORE_CACHE"] = "off"

import numpy as np

from coexplore import Goal, Workload
from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.core.files import write_atomic
from coexplore.cost.model import price
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.networks.mnasnet_like import Block, block_ops
from coexplore.networks.nahas import EFFICIENTNET_B0_STAGES
from coexplore.reports.figures import Figure, axis, layout
from coexplore.reports.page import card, drawn, page
from coexplore.workloads.op import Function

MAPS = (112, 56, 28, 14, 7)
CHANNELS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 320)
GROUPS = (1, 2, 4)
DENSE = (1,)
EXPANSION = 6
B0_STAGES = tuple(zip((112, 56, 28, 14, 14, 7, 7), (row[2] for row in EFFICIENTNET_B0_STAGES), strict=True))
"""Map and width of the stages of EfficientNet-B0 at 224 pixels."""
ASSUMPTIONS = {"main memory": MAIN_MEMORY, "on chip": Residency()}
EARLY, LATE = 56, 14
"""Maps at least and at most this large."""
NARROW = 48
"""At most so many channels, as the first stages of networks have."""
WANTED = ("latency_s", "energy_j")


@dataclass(frozen=True, slots=True)
class Stage:
    """What the blocks of a stage have in common."""

    pixels: int
    channels: int
    kernel: int
    expansion: int

    def block(self, groups: int | None) -> Workload:
        """One block alone: fused in so many groups, or depthwise for None."""
        block = Block(
            self.kernel, self.expansion, self.channels, 1, fused=groups is not None, groups=groups or 1,
            strides_last=False,
        )  # fmt: skip
        ops = block_ops("block", "map", self.channels, block, Function.RELU6)
        shape = (1, self.channels, self.pixels, self.pixels)
        return Workload(f"groups {groups}", (("map", shape),), ops, (ops[-1].name,))


Prices = dict[tuple[str, str, Stage, int | None], np.ndarray]
"""For metric, assumption, stage and kind of block: (a,) seconds or joules."""


def main() -> None:
    """Price all blocks and say which are better where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused")
    parser.add_argument("--quick", action="store_true", help="few shapes on two accelerators")
    parser.add_argument("--plot", type=Path, help="HTML page to write the maps to")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    begin = time.perf_counter()
    stages, chips = list(all_stages(options.quick)), accelerators(options.quick)
    prices = price_all(stages, list(chips.values()), options.threads)
    result = {
        "shapes": len(stages),
        "accelerators": list(chips),
        "assumptions": list(ASSUMPTIONS),
        "fused_at_least_as_good_share": shares(prices, stages, None),
        "fused_at_least_as_good_share_baseline": shares(prices, stages, 0),
        "dense_at_least_as_good_share_baseline": shares(prices, stages, 0, DENSE),
        "widest_dense_baseline": widest(prices, stages, 0, DENSE),
        "widest_fused": {name: widest(prices, stages, place) for place, name in enumerate(chips)},
        "b0_fused_stages": {name: b0_stages(prices, stages, place) for place, name in enumerate(chips)},
        "groups_win_share": {str(groups): share_of_groups(prices, stages, groups) for groups in GROUPS},
        "slowest_kind_over_fastest": round(float(np.max(gaps(prices, stages))), 2),
        "wall_s": round(time.perf_counter() - begin, 1),
    }
    describe(result)
    if options.plot is not None:
        write_atomic(options.plot, page("Fused against depthwise", cards(prices, stages, list(chips))))
    print(json.dumps(result))


def all_stages(quick: bool) -> Iterator[Stage]:
    """The shapes that are compared."""
    maps, channels = ((56, 7), (16, 64, 320)) if quick else (MAPS, CHANNELS)
    shapes = list(dict.fromkeys([*itertools.product(maps, channels), *(() if quick else B0_STAGES)]))
    kernels = (3,) if quick else (3, 5)
    yield from (Stage(*shape, kernel, EXPANSION) for shape in shapes for kernel in kernels)


def accelerators(quick: bool) -> dict[str, Accelerator]:
    """The baseline, the baseline with a knob at an end of its range, and the corners of the range."""
    family = EdgeArray()
    ends = {d.name: (d.values[0], d.values[-1]) for d in family.space.decisions}
    baseline = dict(family.presets["baseline"])
    points = {"baseline": baseline}
    for knob in () if quick else ("io_bandwidth_gb_s", "local_memory_mb", "simd_units"):
        for end in ends[knob]:
            points[f"{knob} {end:g}"] = {**baseline, knob: end}
    points["all lowest"] = {knob: low for knob, (low, _) in ends.items()}
    if not quick:
        points["all highest"] = {knob: high for knob, (_, high) in ends.items()}
    return {name: family.decode(family.space.point(point)) for name, point in points.items()}


def price_all(stages: Sequence[Stage], chips: Sequence[Accelerator], threads: int) -> Prices:
    """Every block of every stage on all accelerators under both assumptions, with the fastest mappings."""
    asked = list(itertools.product(ASSUMPTIONS, stages))
    with ThreadPoolExecutor(threads) as pool:
        rows = pool.map(lambda pair: price_stage(pair[0], pair[1], chips), asked)
        return {key: value for row in rows for key, value in row.items()}


def price_stage(name: str, stage: Stage, chips: Sequence[Accelerator]) -> Prices:
    """All kinds of blocks of a stage under one assumption; ops that they share are searched once."""
    found: Prices = {}
    for groups in (None, *GROUPS):
        costs = [price(stage.block(groups), chip, Goal.LATENCY, residency=ASSUMPTIONS[name]) for chip in chips]
        found["latency_s", name, stage, groups] = np.array([cost.latency_s for cost in costs])
        found["energy_j", name, stage, groups] = np.array([cost.energy_j for cost in costs])
    return found


def fused(prices: Prices, metric: str, name: str, stage: Stage, kinds: Sequence[int] = GROUPS) -> np.ndarray:
    """(a,) The depthwise block over the best fused one of these groups; at least 1 where that is at least as good."""
    best = np.min([prices[metric, name, stage, groups] for groups in kinds], axis=0)
    return prices[metric, name, stage, None] / best


def shares(
    prices: Prices, stages: Sequence[Stage], place: int | None, kinds: Sequence[int] = GROUPS
) -> dict[str, dict[str, list[float]]]:
    """For each metric and part of the network: at which share of the shapes fused is as good.

    Lowest and highest over the assumptions, and over accelerators where none is given by its place.
    """
    result: dict[str, dict[str, list[float]]] = {}
    for metric, (part, some) in itertools.product(WANTED, parts(stages).items()):
        won = [
            np.mean([fused(prices, metric, name, stage, kinds) >= 1 for stage in some], axis=0) for name in ASSUMPTIONS
        ]
        found = np.array(won) if place is None else np.array(won)[:, place]
        result.setdefault(metric, {})[part] = [round(float(found.min()), 3), round(float(found.max()), 3)]
    return result


def parts(stages: Sequence[Stage]) -> dict[str, list[Stage]]:
    """Shapes by where networks have them."""
    return {
        "all": list(stages),
        "early": [stage for stage in stages if stage.pixels >= EARLY],
        "late": [stage for stage in stages if stage.pixels <= LATE],
        "early_narrow": [stage for stage in stages if stage.pixels >= EARLY and stage.channels <= NARROW],
        "late_wide": [stage for stage in stages if stage.pixels <= LATE and stage.channels > NARROW],
    }


def widest(
    prices: Prices, stages: Sequence[Stage], place: int, kinds: Sequence[int] = GROUPS
) -> dict[str, dict[str, list[int]]]:
    """By assumption and map, lowest and highest over kernels and expansions: up to which width fused is as fast."""
    result: dict[str, dict[str, list[int]]] = {}
    for name, pixels in itertools.product(ASSUMPTIONS, sorted({stage.pixels for stage in stages}, reverse=True)):
        found = []
        for kernel, expansion in sorted({(stage.kernel, stage.expansion) for stage in stages}):
            row = sorted(
                (s for s in stages if (s.pixels, s.kernel, s.expansion) == (pixels, kernel, expansion)), key=width
            )
            wins = itertools.takewhile(lambda stage: fused(prices, "latency_s", name, stage, kinds)[place] >= 1, row)  # noqa: B023
            found.append(max((stage.channels for stage in wins), default=0))
        result.setdefault(name, {})[str(pixels)] = [min(found), max(found)]
    return result


def width(stage: Stage) -> int:
    """Of its blocks."""
    return stage.channels


def b0_stages(prices: Prices, stages: Sequence[Stage], place: int) -> dict[str, list[int]]:
    """By assumption, the stages of EfficientNet-B0 where fused is as fast at every kernel and expansion tried."""
    result = {}
    for name in ASSUMPTIONS:
        result[name] = [
            number
            for number, shape in enumerate(B0_STAGES)
            if (some := [stage for stage in stages if (stage.pixels, stage.channels) == shape])
            and all(fused(prices, "latency_s", name, stage)[place] >= 1 for stage in some)
        ]
    return result


def share_of_groups(prices: Prices, stages: Sequence[Stage], groups: int) -> float:
    """Where so many groups are the fastest kind of all, fewest first on a tie and depthwise before, over everything."""
    kinds = (None, *GROUPS)
    fastest = [
        np.argmin([prices["latency_s", name, stage, kind] for kind in kinds], axis=0)
        for name in ASSUMPTIONS
        for stage in stages
    ]
    return round(float(np.mean(np.array(fastest) == kinds.index(groups))), 3)


def gaps(prices: Prices, stages: Sequence[Stage]) -> np.ndarray:
    """The slowest over the fastest kind, for every stage, assumption and accelerator."""
    rows = []
    for name, stage in itertools.product(ASSUMPTIONS, stages):
        every = [prices["latency_s", name, stage, kind] for kind in (None, *GROUPS)]
        rows.append(np.max(every, axis=0) / np.min(every, axis=0))
    return np.array(rows)


def describe(result: Mapping[str, object]) -> None:
    """Print up to which width fused blocks are as fast."""
    table = result["widest_fused"]
    assert isinstance(table, dict)
    for chip, by_assumption in table.items():
        for name, by_map in by_assumption.items():
            row = ", ".join(f"{pixels} px: {low}-{high}" for pixels, (low, high) in by_map.items())
            print(f"{chip}; between the ops in {name}: fused as fast up to channels {row}")


def cards(prices: Prices, stages: Sequence[Stage], chips: Sequence[str]) -> Iterator[str]:
    """A map per accelerator and assumption: blue where fused is faster."""
    for place, chip in enumerate(chips):
        for name in ASSUMPTIONS:
            picture = heat(prices, stages, (name, place))
            text = (
                "Latency of the depthwise block over that of the best fused one, 3x3, expansion 6, as a power of two."
            )
            yield card(f"{chip}; between the ops in {name}", text, drawn(f"{place}-{name.replace(' ', '-')}", picture))


def heat(prices: Prices, stages: Sequence[Stage], where: tuple[str, int]) -> Figure:
    """The map of one accelerator under one assumption."""
    name, place = where
    some = {(s.pixels, s.channels): s for s in stages if (s.kernel, s.expansion) == (3, 6)}
    maps, channels = (sorted({shape[side] for shape in some}) for side in (0, 1))

    def value(pixels: int, wide: int) -> float | None:
        stage = some.get((pixels, wide))
        return None if stage is None else round(float(np.log2(fused(prices, "latency_s", name, stage)[place])), 3)

    trace = {
        "type": "heatmap",
        "x": [str(wide) for wide in channels],
        "y": [str(pixels) for pixels in maps],
        "z": [[value(pixels, wide) for wide in channels] for pixels in maps],
        "zmid": 0,
        "colorscale": "RdBu",
    }
    axes = {"xaxis": axis("channels", {"type": "category"}), "yaxis": axis("map, pixels a side", {"type": "category"})}
    return {"data": [trace], "layout": layout(320, axes)}


if __name__ == "__main__":
    main()

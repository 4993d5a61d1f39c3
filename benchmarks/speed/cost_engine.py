"""How fast are optimal mappings found for a whole accelerator space, and are they right?

Ops are the distinct ones of MobileNetV2 at 224 px, accelerators the 50,000 of the edge array. Every pair gets its best
mapping of the declared, nested mapspace (`coexplore.cost.mapper`), which a replay reproduces; nothing comes from a
cache. Meshes of x by y and of y by x elements cost the same and are searched once; both count as pairs in
`optimal_pairs_per_s`, in `distinct_pairs_per_s` only one does. Both rates are pairs over the wall time of pricing
alone (`price_s`; `price_cpu_s` is its CPU time); `decode_s` (points to accelerators) and `lay_out_s` (accelerators to
the arrays of a search, which pricing does again and its time includes) stand beside it.

`brute_force_equal`: random pairs again in two slower ways, to which the price in the grid must be equal. First, on the
single accelerator, every candidate of the mapspace is priced, no bound used, and the mapping found replayed. Then, for
some of them, the mapspace is enumerated in plain Python (`coexplore.testing.array_mapspace`), every mapping replayed.
`over_general`: how much worse, on the same pairs, than the optimum of the mapspace of any chain (median and most; below
1 where that is the worse one).
`network_optimal_s`: all mappings of the network on one accelerator, whose kernels are compiled and whose caches are
empty; the median of several.

`--shapes N` prices a random part of the 240 shapes of arrays, all accelerators of each. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.grid import Grid, price_grid
from coexplore.cost.grid_cache import GridCache
from coexplore.cost.mapper import CODES, UNROLLINGS, Goal, best_mapping
from coexplore.cost.nest import machine_of
from coexplore.cost.replay import replay
from coexplore.cost.search import lay_out, lot_of, search, shapes
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.testing.array_mapspace import ArrayMapspace
from coexplore.workloads.loops import Loops

FAMILY = EdgeArray()
NOWHERE = GridCache(None)
EQUAL = 4e-12
"""Relative; ties are within 1e-12 of each other, on either side."""


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused")
    parser.add_argument("--quick", action="store_true", help="3 ops, 2 shapes, 2 pairs by brute force, 1 enumerated")
    parser.add_argument("--goal", choices=[goal.value for goal in Goal], default=Goal.EDP.value)
    parser.add_argument("--shapes", type=int, help="price so many random shapes instead of all")
    parser.add_argument("--pairs", type=int, default=40, help="by brute force")
    parser.add_argument("--enumerated", type=int, default=10, help="of these pairs, how many by enumeration, too")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    goal, rng = Goal(options.goal), np.random.default_rng(options.seed)
    network = [loops for _, loops in mobilenet_v2().mac_ops()]
    ops = list(dict.fromkeys(network))[:: 12 if options.quick else 1]
    count, pairs, listed = (2, 2, 1) if options.quick else (options.shapes, options.pairs, options.enumerated)
    warm = FAMILY.decode(FAMILY.presets["baseline"])
    price_grid(ops[:1], [warm], goal, cache=NOWHERE)
    begin, cpu = time.perf_counter(), time.process_time()
    everything, decode_s = timed(lambda: [FAMILY.decode(point) for point in FAMILY.space.enumerate()])
    shape = shapes(everything)
    chosen = rng.permutation(shape.max() + 1)[:count]
    part = [everything[i] for i in np.flatnonzero(np.isin(shape, chosen))]
    _, lay_out_s = timed(lambda: lay_out_all(part))
    before_cpu = time.process_time()
    grid, price_s = timed(lambda: price_grid(ops, part, goal, threads=options.threads, cache=NOWHERE))
    price_cpu_s = time.process_time() - before_cpu
    distinct = len({key_of(accelerator) for accelerator in part})
    network_s = network_seconds(network, warm, goal, options.threads, 3 if options.quick else 9)
    unpruned, enumerated, replayed, over_general = check_pairs(grid, goal, pairs, listed, rng)
    result = {
        "optimal_pairs_per_s": round(grid.latency_s.size / price_s),
        "distinct_pairs_per_s": round(len(ops) * distinct / price_s),
        "brute_force_equal": (unpruned, enumerated) == (pairs, min(listed, pairs)),
        "equal_without_bounds": f"{unpruned} of {pairs}",
        "equal_to_enumeration": f"{enumerated} of {min(listed, pairs)}",
        "enumerated_mappings": replayed,
        "over_general": {"median": round(statistics.median(over_general), 4), "most": round(max(over_general), 4)},
        "network_optimal_s": round(network_s, 4),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "price_s": round(price_s, 3),
        "decode_s": round(decode_s, 3),
        "decoded": len(everything),
        "lay_out_s": round(lay_out_s, 3),
        "price_cpu_s": round(price_cpu_s, 3),
        "wall_s": round(time.perf_counter() - begin, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "goal": goal.value,
        "unrollings": UNROLLINGS,
        "ops": len(ops),
        "accelerators": len(part),
        "distinct_accelerators": distinct,
        "shapes": len(chosen),
        "infeasible_pairs": int(np.isinf(grid.latency_s).sum()),
        "threads": options.threads,
        "cores": os.cpu_count(),
    }
    print(json.dumps(result))


def timed(function):
    """What a function returns, and its wall time."""
    begin = time.perf_counter()
    return function(), time.perf_counter() - begin


def lay_out_all(accelerators: list[Accelerator]) -> None:
    """Group and lay out, as pricing does."""
    shape = shapes(accelerators)
    for number in range(shape.max() + 1):
        lay_out([accelerators[i] for i in np.flatnonzero(shape == number)])


def key_of(accelerator: Accelerator) -> tuple[object, ...]:
    """The same for a mesh and its mirror image, and for nothing else in the space."""
    outer, *others = accelerator.levels
    sizes = sorted(axis.size for axis in outer.fanout)
    return (*sizes, outer.read_bytes_per_cycle, *((v.capacity_bytes, v.fanout_size) for v in others))


def network_seconds(network: list[Loops], accelerator: Accelerator, goal: Goal, threads: int, times: int) -> float:
    """All mappings of a network on one accelerator with empty caches: the median."""
    distinct, found = list(dict.fromkeys(network)), []
    for _ in range(times):
        for cache in (best_mapping, lot_of, machine_of):
            cache.cache_clear()
        begin = time.perf_counter()
        with ThreadPoolExecutor(max_workers=threads) as pool:
            mapped = list(pool.map(lambda loops: best_mapping(loops, accelerator, goal), distinct))
        found.append(time.perf_counter() - begin)
        assert all(one.mapping is not None for one in mapped)
    return statistics.median(found)


def check_pairs(
    grid: Grid, goal: Goal, count: int, by_enumeration: int, rng: np.random.Generator
) -> tuple[int, int, int, list[float]]:
    """Pairs on which pricing without bounds, and enumeration, say the same as the grid; mappings enumerated.

    Last, what is minimised over its optimum in the mapspace of any chain, by pair.
    """
    unpruned = enumerated = replayed = 0
    over_general = []
    for number in range(count):
        row, column = int(rng.integers(len(grid.ops))), int(rng.integers(len(grid.accelerators)))
        loops, accelerator = grid.ops[row], grid.accelerators[column]
        fast = (grid.latency_s[row, column], grid.energy_j[row, column])
        mapping = best_mapping(loops, accelerator, goal, prune=False).mapping
        slow = (np.inf, np.inf)
        if mapping is not None:
            result = replay(loops, accelerator, mapping)
            slow = (result.total_cycles / accelerator.clock_hz, result.energy_j)
        unpruned += np.allclose(slow, fast, rtol=EQUAL, atol=0)
        general = search(loops, replace(lot_of(accelerator), is_array=False), CODES[goal], UNROLLINGS)
        over_general.append(
            float(worth(*fast, goal) / worth(general.costs[0, 0] / accelerator.clock_hz, general.costs[0, 1], goal))
        )
        if number >= by_enumeration:
            continue
        candidates = dict.fromkeys(ArrayMapspace(loops, accelerator).mappings(UNROLLINGS))
        listed = [one for one in (replay(loops, accelerator, mapping) for mapping in candidates) if one.feasible]
        replayed += len(listed)
        best = min(
            (worth(one.total_cycles / accelerator.clock_hz, one.energy_j, goal) for one in listed), default=np.inf
        )
        enumerated += np.allclose(best, worth(*fast, goal), rtol=EQUAL, atol=0)
    return unpruned, enumerated, replayed, over_general


def worth(latency_s: float, energy_j: float, goal: Goal) -> float:
    """What is minimised."""
    return {Goal.LATENCY: latency_s, Goal.ENERGY: energy_j, Goal.EDP: latency_s * energy_j}[goal]


if __name__ == "__main__":
    main()

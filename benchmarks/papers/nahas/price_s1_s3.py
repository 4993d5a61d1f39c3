"""How long does it take to price every op of the spaces S1 to S3 on every accelerator, and then any pair?

All distinct ops with loops of S1, S2 and S3 (`coexplore.networks.nahas`, 224 x 224 pixels) get their best mapping on
all accelerators of the edge array; nothing comes from a cache. `wall_s` is the time of that alone; decoding points to
accelerators (`decode_s`) and listing ops (`list_s`) stand beside it. Ops without loops (pooling, additions) are not
among them. Then, for each space, prices are added up by place: the ops that all networks have, and those of every
choice of every place. A random network on a random accelerator is a few look-ups: `pairs_per_s` counts pairs whose
latency and energy are both answered on all threads, drawing them included, the tables (`tables_s`) not. Some pairs are
added up from counts of ops one by one (`equal`: within rounding).

`--accelerators N` takes N of the 50,000, evenly spaced. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.grid import Grid, price_grid
from coexplore.cost.grid_cache import GridCache
from coexplore.cost.mapper import Goal
from coexplore.networks.nahas import NahasS1, NahasS2, NahasS3
from coexplore.networks.op_counts import OpCounts, op_counts
from coexplore.spaces.space import Space

Floats = NDArray[np.float64]
DRAWN = 2**17
"""Pairs answered at once, in the order of their accelerators, so that tables are read from one end to the other."""
CHECKED = 20


def main() -> None:
    """Price, then draw pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused: networks are drawn from their spaces")
    parser.add_argument("--quick", action="store_true", help="S1 alone, 4 accelerators")
    parser.add_argument("--accelerators", type=int, help="so many of the 50,000; all by default")
    parser.add_argument("--pairs", type=int, default=1_000_000, help="random pairs of each space")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    count, pairs = (4, 20_000) if options.quick else (options.accelerators, options.pairs)
    families = (NahasS1(),) if options.quick else (NahasS1(), NahasS2(), NahasS3())
    begin = time.perf_counter()
    counts = [op_counts(family) for family in families]
    ops = list(dict.fromkeys(loops for one in counts for loops in one.ops))
    list_s = time.perf_counter() - begin
    begin = time.perf_counter()
    points = list(EdgeArray().space.enumerate())
    points = points if count is None else points[:: max(1, len(points) // count)][:count]
    chips = [EdgeArray().decode(point) for point in points]
    decode_s = time.perf_counter() - begin
    begin, cpu = time.perf_counter(), time.process_time()
    grid = price_grid(ops, chips, Goal.EDP, options.threads, memory_mb=8192, cache=GridCache(None))
    wall_s, cpu_s = time.perf_counter() - begin, time.process_time() - cpu
    rng = np.random.default_rng(0)
    spaces = {
        family.name: answer(family, one, grid, pairs, options.threads, rng)
        for family, one in zip(families, counts, strict=True)
    }
    result = {
        "wall_s": round(wall_s, 2),
        "cpu_s": round(cpu_s, 2),
        "pairs_per_s": min(space["pairs_per_s"] for space in spaces.values()),
        "equal": all(space["equal"] for space in spaces.values()),
        "ops": len(ops),
        "accelerators": len(chips),
        "op_pairs_per_s": round(len(ops) * len(chips) / wall_s),
        "infeasible_pairs": int(np.isinf(grid.latency_s).sum()),
        "list_s": round(list_s, 2),
        "decode_s": round(decode_s, 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "spaces": spaces,
        "threads": options.threads,
    }
    print(json.dumps(result))


def answer(
    family, counts: OpCounts, grid: Grid, pairs: int, threads: int, rng: np.random.Generator
) -> dict[str, object]:
    """Latency and energy of random pairs of a space, some of them checked."""
    begin = time.perf_counter()
    number = {loops: row for row, loops in enumerate(grid.ops)}
    rows = [number[loops] for loops in counts.ops]
    tables = [by_place(counts, table[rows]) for table in (grid.latency_s, grid.energy_j)]
    tables_s = time.perf_counter() - begin
    begin = time.perf_counter()
    sizes = [min(DRAWN, pairs - done) for done in range(0, pairs, DRAWN)]
    with ThreadPoolExecutor(threads) as pool:
        *_, (networks, chips, totals) = pool.map(
            lambda size, own: pairs_of(family, counts, tables, size, len(grid.accelerators), own),
            sizes,
            rng.spawn(len(sizes)),
        )
    pairs_per_s = round(pairs / (time.perf_counter() - begin))
    sample = slice(0, CHECKED)
    slow = counts.of(networks[sample])
    equal = all(
        np.allclose((slow * table[rows][:, chips[sample]].T).sum(axis=1), total[sample], rtol=1e-12, atol=0)
        for table, total in zip((grid.latency_s, grid.energy_j), totals, strict=True)
    )
    return {
        "ops": len(rows),
        "networks": float(family.space.size),
        "pairs_per_s": pairs_per_s,
        "equal": bool(equal),
        "tables_s": round(tables_s, 2),
    }


def pairs_of(
    family, counts: OpCounts, tables: list[list[Floats]], count: int, accelerators: int, rng: np.random.Generator
) -> tuple[NDArray[np.int16], NDArray[np.int64], list[Floats]]:
    """Random networks, an accelerator for each, and their totals."""
    networks = draw(family.space, count, rng)
    chips = np.sort(rng.integers(accelerators, size=count))
    places = [scope.row_of(networks) for scope in counts.scopes]
    return networks, chips, [look_up(table, places, chips) for table in tables]


def draw(space: Space, count: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """(n, d) Random networks as rows of indices, -1 where a decision is not asked; columns lie together in memory."""
    columns = [rng.integers(size, size=count, dtype=np.int16) for size in space.sizes]
    column = {decision.name: place for place, decision in enumerate(space.decisions)}
    for place, decision in enumerate(space.decisions):
        if decision.condition is not None:
            parent = column[decision.condition.parent]
            values = space.decisions[parent].values
            is_asked = np.isin(np.arange(len(values)), [values.index(value) for value in decision.condition.values])
            above = columns[parent]
            columns[place] = np.where(is_asked[above] & (above >= 0), columns[place], np.int16(-1))
    return np.stack(columns).T


def by_place(counts: OpCounts, table: Floats) -> list[Floats]:
    """What all networks cost, (a, 1), and every combination of every scope, (a, k)."""
    by_accelerator = np.ascontiguousarray(table.T)
    scopes = (counts.base[None], *(scope.counts for scope in counts.scopes))
    return [by_accelerator @ scope.T.astype(float) for scope in scopes]


def look_up(tables: list[Floats], places: list[NDArray[np.int64]], chips: NDArray[np.int64]) -> Floats:
    """(n,) Totals of networks on accelerators."""
    base, *scopes = tables
    total = base[chips, 0]
    for table, rows in zip(scopes, places, strict=True):
        total += table.ravel().take(chips * table.shape[1] + rows)
    return total


if __name__ == "__main__":
    main()

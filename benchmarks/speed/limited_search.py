"""What does a limit on the search for a mapping save, and what does it leave open?

Chains of memories of which four lie in the one around them, each of which unrolls any dimension: the kind of
accelerator a user may write down, and the slowest there is to search; and `eyeriss-168`, whose operands have memories
of their own (keys that begin with `eyeriss`). Every op is searched to the end, and again with limits. The script ends
where a bound lies above the optimum, or the optimum above what was found. PE arrays are always searched to the end;
the longest search of one is timed for the same ops.

The last line is one JSON object. Lists have one entry per limit: medians and worst over ops of what was found over the
optimum, the gap that was reported, and seconds of the CPU of one thread over all ops.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

from coexplore.accelerators.accelerator import DIMS, Accelerator, MacUnit, MemoryLevel, Operand, SpatialAxis, VectorUnit
from coexplore.accelerators.family import find_accelerator
from coexplore.cost.mapper import Goal, Mapped, best_mapping
from coexplore.workloads.op import Loops

LIMITS = (1, 1_000, 10_000, 100_000)
OPS = (
    Loops(K=256, C=256, P=14, Q=14, R=3, S=3),
    Loops(K=320, C=960, P=7, Q=7),
    Loops(G=96, P=56, Q=56, R=3, S=3),
    Loops(K=1000, C=2048),
    Loops(N=8, K=1024, C=1024, P=128),
)
ROUNDING = 1 + 1e-11


def main() -> None:
    """Search with and without limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused")
    parser.add_argument("--quick", action="store_true", help="two memories instead of three")
    levels = 2 if parser.parse_args().quick else 3
    chip, array = chain(levels), find_accelerator("edge-array")
    for accelerator in (chip, array):
        best_mapping(Loops(K=4), accelerator, limit=1)
    result = {
        "levels": levels,
        "ops": len(OPS),
        "limits": LIMITS,
        **compared(chip),
        **{f"eyeriss_{key}": value for key, value in compared(find_accelerator("eyeriss-168")).items()},
        "pe_array_longest_s": round(max(timed(loops, array, None)[1] for loops in OPS), 4),
    }
    print(json.dumps(result))


def compared(chip: Accelerator) -> dict[str, list[float] | float]:
    """Searches of an accelerator with limits beside those without."""
    optimum, whole_s = searched(chip, None)
    runs = [searched(chip, limit) for limit in LIMITS]
    for found, _ in runs:
        check(found, optimum)
    ratios = [[one.value / best.value for one, best in zip(found, optimum, strict=True)] for found, _ in runs]
    gaps = [[one.gap for one in found] for found, _ in runs]
    return {
        "found_over_optimum_median": [round(statistics.median(row), 4) for row in ratios],
        "found_over_optimum_worst": [round(max(row), 4) for row in ratios],
        "gap_median": [round(statistics.median(row), 4) for row in gaps],
        "gap_worst": [round(max(row), 4) for row in gaps],
        "limited_s": [round(seconds, 3) for _, seconds in runs],
        "to_the_end_s": round(whole_s, 3),
    }


def chain(levels: int) -> Accelerator:
    """Main memory and so many memories, 1 MiB and less, with an axis of four below each."""
    found = [MemoryLevel("dram", tuple(Operand), None, 16.0, None, 8e-12, 8e-12)]
    for n in range(levels):
        joule, axis = 1e-12 / (n + 1), SpatialAxis(f"axis{n}", 4, DIMS)
        found.append(MemoryLevel(f"m{n}", tuple(Operand), 2**20 >> 3 * n, 64.0, None, joule, joule, fanout=(axis,)))
    return Accelerator("chain", 1e9, tuple(found), MacUnit(8, 1e-13, 0.0, 1e-6), VectorUnit(1.0, 0.0))


def searched(chip: Accelerator, limit: int | None) -> tuple[list[Mapped], float]:
    """The mappings of all ops, and the seconds that took."""
    runs = [timed(loops, chip, limit) for loops in OPS]
    return [found for found, _ in runs], sum(seconds for _, seconds in runs)


def timed(loops: Loops, chip: Accelerator, limit: int | None) -> tuple[Mapped, float]:
    """The mapping of an op, and the seconds of the CPU that took."""
    best_mapping.cache_clear()
    begin = time.process_time()
    found = best_mapping(loops, chip, Goal.EDP, limit=limit)
    return found, time.process_time() - begin


def check(found: list[Mapped], optimum: list[Mapped]) -> None:
    """Stop where a bound is none, or where what was found is better than the optimum."""
    for one, best in zip(found, optimum, strict=True):
        if not one.bound <= best.value <= one.value * ROUNDING:
            raise SystemExit(f"bound {one.bound}, optimum {best.value} and found {one.value} are out of order")


if __name__ == "__main__":
    main()

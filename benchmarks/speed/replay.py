"""How many fresh, unrelated mappings does one core replay per second?

Random perfect mappings of three ops of MobileNetV2 on the edge array: random factors at every level and axis, random
loop orders. Drawing and packing them is not timed; everything a mapping needs from there on is, and nothing is shared
between two mappings. Rates are those of the best of many passes, per second of CPU time of the one thread. Beside them:
what one mapping alone costs, by the exact kernel and by the whole of `replay`.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time

from coexplore import Loops, find_accelerator, replay
from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost._search import judge, make_scratch
from coexplore.cost.batch import BatchCost, replay_many
from coexplore.cost.mapping_batch import MappingBatch, random_batch, unpack
from coexplore.cost.nest import flatten, machine_of, problem_of

OPS = {
    "stem 3x3": Loops(K=32, C=3, P=112, Q=112, R=3, S=3, stride=(2, 2)),
    "expansion 1x1": Loops(K=96, C=16, P=112, Q=112),
    "depthwise 3x3": Loops(G=96, P=56, Q=56, R=3, S=3, stride=(2, 2)),
}
BATCH = 25_000


def main() -> None:
    """Time all ops and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    batches, passes, checked = (1, 5, 50) if options.quick else (8, 40, 1000)
    accelerator = find_accelerator("edge-array")
    rows = {name: measure(loops, accelerator, batches, passes, checked) for name, loops in OPS.items()}
    for name, row in rows.items():
        print(f"{name:14s}", {key: f"{value:.3g}" for key, value in row.items()})
    best = [row["replays_per_s"] for row in rows.values()]
    result = {
        "replays_per_s_per_core": round(statistics.median(best)),
        "least_replays_per_s": round(min(best)),
        "median_pass_per_s": round(statistics.median(row["median_pass"] for row in rows.values())),
        "by_wall_clock_per_s": round(statistics.median(row["by_wall_clock"] for row in rows.values())),
        "single_kernel_per_s": round(statistics.median(row["single_kernel_per_s"] for row in rows.values())),
        "single_replay_per_s": round(statistics.median(row["single_replay_per_s"] for row in rows.values())),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "mappings": len(OPS) * batches * BATCH,
        "checked_equal": round(sum(row["checked_equal"] for row in rows.values())),
        "ops": {name: round(row["replays_per_s"]) for name, row in rows.items()},
    }
    print(json.dumps(result))


def measure(loops: Loops, accelerator: Accelerator, batches: int, passes: int, checked: int) -> dict[str, float]:
    """Rates of one op: the best and the median pass over all batches, and of mappings one by one."""
    drawn = [random_batch(loops, accelerator, BATCH, seed) for seed in range(batches)]
    equal = check(loops, accelerator, drawn[0], replay_many(loops, accelerator, drawn[0]), checked)
    cpu_s, wall_s = [], []
    for _ in range(passes):
        begin, wall = time.process_time(), time.perf_counter()
        for batch in drawn:
            replay_many(loops, accelerator, batch)
        cpu_s.append(time.process_time() - begin)
        wall_s.append(time.perf_counter() - wall)
    return {
        "replays_per_s": batches * BATCH / min(cpu_s),
        "median_pass": batches * BATCH / statistics.median(cpu_s),
        "by_wall_clock": batches * BATCH / min(wall_s),
        "checked_equal": equal,
        **alone(loops, accelerator, drawn[0], checked),
    }


def check(loops: Loops, accelerator: Accelerator, batch: MappingBatch, costs: BatchCost, checked: int) -> int:
    """How many mappings cost what `replay` says, to the last bit; all must."""
    assert not costs.one_by_one.any()
    for i in range(checked):
        found = (costs.total_cycles[i], costs.compute_cycles[i], costs.energy_j[i], costs.feasible[i])
        single = replay(loops, accelerator, unpack(accelerator, batch, i))
        assert found == (single.total_cycles, single.compute_cycles, single.energy_j, single.feasible)
    return checked


def alone(loops: Loops, accelerator: Accelerator, batch: MappingBatch, count: int) -> dict[str, float]:
    """Mappings per second one by one: the exact kernel on nests at hand, and the whole of `replay`."""
    mappings = [unpack(accelerator, batch, i) for i in range(count)]
    nests = [flatten(mapping, accelerator) for mapping in mappings]
    problem, machine, levels = problem_of(loops, accelerator), machine_of(accelerator), len(accelerator.levels)
    scratch = make_scratch(levels)
    begin = time.perf_counter()
    for nest in nests:
        judge(problem, machine, nest, scratch)
    middle = time.perf_counter()
    for mapping in mappings:
        replay(loops, accelerator, mapping)
    end = time.perf_counter()
    return {"single_kernel_per_s": count / (middle - begin), "single_replay_per_s": count / (end - middle)}


if __name__ == "__main__":
    main()

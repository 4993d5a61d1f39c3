"""Is the dynamic programme for pipelines exact, and what do simpler rules lose? Random cases, then ResNet-50 on FPGAs.

Every case is solved by trying all pipelines too: the highest throughput with its lowest cost, and the lowest cost under
a throughput. Stages are tiled from a grid of some 100,000 designs for the whole network; `tiling_loss` is the share of
the throughput that the same cuts would gain if every stage had the best of the millions of designs for its own layers.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence

import numpy as np

from coexplore.accelerators.fpga import PoolEntry
from coexplore.accelerators.fpga_devices import fpga_device
from coexplore.cost.fpga_layers import fpga_layers
from coexplore.cost.fpga_pipeline import fpga_stages
from coexplore.cost.fpga_search import best_design
from coexplore.cost.pipeline import Plan, StageTable, by_work, cheapest, fastest, greedy
from coexplore.networks.nas_bench_macro import BLOCKS, NasBenchMacro
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.networks.resnet import resnet_50
from coexplore.testing.pipeline_oracle import cheapest_by_force, fastest_by_force
from coexplore.workloads.graph import Workload

MOST_LAYERS, MOST_DEVICES = 8, 4
POOL = (
    PoolEntry(fpga_device("zcu102"), 2, 3.0),
    PoolEntry(fpga_device("ultra96"), 3, 1.0),
    PoolEntry(fpga_device("pynq-z2"), 3, 0.5),
)
"""Eight FPGAs of three types; costs in a made-up unit."""


def random_table(rng: np.random.Generator) -> tuple[StageTable, list[float]]:
    """A table whose stages are neither additive nor all possible, and the work of its layers."""
    layers, types = int(rng.integers(1, MOST_LAYERS + 1)), int(rng.integers(1, 4))
    counts = rng.multinomial(rng.integers(1, MOST_DEVICES + 1), np.full(types, 1 / types))
    work = rng.integers(1, 20, layers).astype(float)
    speed = rng.uniform(0.3, 3.0, (types, layers))
    latency_s = np.full((types, layers, layers + 1), np.inf)
    for t in range(types):
        for i in range(layers):
            for j in range(i + 1, layers + 1):
                if rng.random() < 0.9:
                    latency_s[t, i, j] = (work[i:j] / speed[t, i:j]).sum() * rng.uniform(1.0, 1.3)
    names = tuple(f"layer{i}" for i in range(layers))
    costs = tuple(float(cost) for cost in rng.integers(0, 6, types))
    table = StageTable(latency_s, names, tuple("abc"[:types]), tuple(int(count) for count in counts), costs)
    return table, list(work)


def agree(table: StageTable, rng: np.random.Generator) -> bool:
    """Whether both questions have the answers of brute force."""
    best, plan = fastest_by_force(table), fastest(table).pipeline
    if best is None or plan is None:
        return best is None and plan is None
    wanted = float(rng.choice([0.5, 0.8, 1.0, 1.2])) / best[0]
    lowest, found = cheapest_by_force(table, wanted), cheapest(table, wanted).pipeline
    same_cost = lowest is None if found is None else found.cost == lowest
    return (plan.slowest.latency_s, plan.cost) == best and same_cost


def gap(table: StageTable, plan: Plan) -> float | None:
    """Throughput that a baseline loses, as a fraction; None where it finds no pipeline."""
    best = fastest(table).pipeline
    if best is None or plan.pipeline is None:
        return None
    return 1 - plan.pipeline.throughput / best.throughput


def baselines(cases: list[tuple[StageTable, list[float]]]) -> dict[str, float]:
    """Mean and largest loss of the two baselines, and how often they find nothing where there is something."""
    solvable = [case for case in cases if fastest(case[0]).pipeline is not None]
    result = {}
    for name, plans in (
        ("greedy", [gap(table, greedy(table)) for table, _ in solvable]),
        ("by_work", [gap(table, by_work(table, work)) for table, work in solvable]),
    ):
        found = [loss for loss in plans if loss is not None]
        result[f"{name}_mean_loss"] = round(statistics.fmean(found), 4)
        result[f"{name}_largest_loss"] = round(max(found), 4)
        result[f"{name}_finds_nothing"] = sum(loss is None for loss in plans)
    return result


def networks() -> dict[str, tuple[Workload, Sequence[PoolEntry]]]:
    """What is tiled again: the middle of two spaces on four small FPGAs, and a large network on eight."""
    small = [PoolEntry(fpga_device(name), count) for name, count in (("pynq-z2", 1), ("7a100t", 1), ("7a50t", 2))]
    plain = PlainCnn((3, 32, 32)).assemble([(3, 36, 1), (5, 36, 1), (1, 64, 1), (3, 48, 2), (7, 24, 1), (1, 64, 1)])
    macro = NasBenchMacro()
    middle = macro.lower(macro.space.point({f"block{index}": 1 for index in range(BLOCKS)}))
    return {"plain-cnn": (plain, small), "nas-bench-macro": (middle, small), "resnet-50": (resnet_50(), POOL)}


def child_cpu_ms(runs: int) -> dict[str, float]:
    """Median CPU time of tiling all stages of a plain network nobody has seen and planning its pipeline."""
    pool, found = [PoolEntry(fpga_device("pynq-z2")), PoolEntry(fpga_device("7a50t"), 2)], {}
    for name, family, depth in (
        ("4 layers on 8x8", PlainCnn(filters=(8, 16, 24, 36), kernels=(1, 3, 5)), 4),
        ("10 layers on 32x32", PlainCnn((3, 32, 32)), 10),
    ):
        rng, times = np.random.default_rng(0), []
        for _ in range(runs):
            drawn = zip(rng.choice(family.kernels, depth), rng.choice(family.filters, depth), strict=True)
            layers = fpga_layers(family.assemble([(int(kernel), int(filters), 1) for kernel, filters in drawn]))
            begin = time.process_time()
            fastest(fpga_stages(layers, pool).table)
            times.append(time.process_time() - begin)
        found[name] = round(1e3 * statistics.median(times), 1)
    return found


def tiling_loss(workload: Workload, pool: Sequence[PoolEntry]) -> float:
    """Share of the throughput that better tilings of the same stages would add."""
    stages = fpga_stages(fpga_layers(workload), pool)
    plan = fastest(stages.table).pipeline
    assert plan is not None
    best = []
    for stage in plan.stages:
        device = pool[stage.device].device
        found = best_design(stages.layers[stage.first : stage.end], device)
        best.append(min(stage.latency_s, found.cycles / device.clock_hz))
    return 1 - max(best) / plan.slowest.latency_s


def resnet() -> dict[str, float]:
    """ResNet-50 on eight FPGAs: time for the table of stages, time for the plan, and what the baselines lose."""
    layers = fpga_layers(resnet_50())
    fpga_stages(layers[:4], POOL)
    begin, cpu = time.perf_counter(), time.process_time()
    stages = fpga_stages(layers, POOL)
    cpu = time.process_time() - cpu
    tabled = time.perf_counter()
    plan = fastest(stages.table).pipeline
    planned = time.perf_counter()
    assert plan is not None
    for stage, busy in zip(plan.stages, plan.utilisation, strict=True):
        cost = stages.cost(stage)
        assert cost.feasible
        print(
            f"{stages.table.layers[stage.first]:>20} .. {stages.table.layers[stage.end - 1]:20}"
            f"{stages.table.devices[stage.device]:10}{1e3 * stage.latency_s:8.3f} ms  busy {busy:6.1%}  {cost.design}"
        )
    greedy_loss = gap(stages.table, greedy(stages.table))
    work_loss = gap(stages.table, by_work(stages.table, [layer.macs for layer in layers]))
    return {
        "resnet50_table_s": round(tabled - begin, 3),
        "resnet50_table_cpu_s": round(cpu, 3),
        "resnet50_plan_s": round(planned - tabled, 5),
        "resnet50_fps": round(plan.throughput, 2),
        "resnet50_efficiency": round(plan.efficiency, 4),
        "resnet50_greedy_loss": -1.0 if greedy_loss is None else round(greedy_loss, 4),
        "resnet50_by_work_loss": -1.0 if work_loss is None else round(work_loss, 4),
    }


def main() -> None:
    """Count equal cases, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused")
    parser.add_argument("--quick", action="store_true", help="100 cases instead of 1,000")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    cases = [random_table(rng) for _ in range(100 if options.quick else 1_000)]
    equal = sum(agree(table, rng) for table, _ in cases)
    result: dict[str, float] = {"cases": len(cases), "equal": equal, **baselines(cases), **resnet()}
    tiled = {name: round(tiling_loss(*pair), 4) for name, pair in networks().items()}
    print(json.dumps({**result, "tiling_loss": tiled, "child_cpu_ms": child_cpu_ms(5 if options.quick else 25)}))


if __name__ == "__main__":
    main()

"""Are our mappings found faster than ZigZag's, and are they never worse?

Same ops, same accelerators (two that ship with ZigZag and that a chain of levels says exactly), same energy per access,
bandwidths and unrollings allowed, one run. ZigZag searches with its default engine (loma, uneven, at most 6 loops per
nest, 3 unrollings) in an environment of its own (`pip install zigzag-dse six`), named by `--zigzag` or the variable
COEXPLORE_ZIGZAG; timed is its mapping search alone, without imports, parsing and files (`_zigzag_peer.py`). Ours is
timed over `best_mapping` with warm kernels and empty caches. Both in processor seconds; both minimise cycles x energy.

`never_worse` judges both mappings by clean physics. ZigZag's is read on our chain, with or without each double buffer
as suits it best, or, where it is too uneven for a chain, given a lower bound of its cost (`_zigzag_mapping.py`).
Beside it stand the ratio to that bound, and what ZigZag's own cost model says of both. Without ZigZag only its recorded
mappings are judged (`--data`), and `speed_ratio` and `never_worse` are null.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from _zigzag_mapping import Price, accelerator_of, energy_pj, given_mapping, lower_bound, price_theirs

from coexplore import Goal, Loops, best_mapping, replay
from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import CoexploreError
from coexplore.cost.mapping import Mapping
from coexplore.cost.presets.zigzag import ZIGZAG
from coexplore.cost.presets.zigzag_files import BITS, DIM_OF, PICO, Hardware, operand_views, read_hardware

SHARED = Path(os.environ.get("COEXPLORE_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")).parent
RECORDED = SHARED / "reference" / "zigzag"
PEER = Path(__file__).with_name("_zigzag_peer.py")
OPS = {
    "AlexNet 11x11, stride 4": Loops(K=96, C=3, P=55, Q=55, R=11, S=11, stride=(4, 4)),
    "ResNet-18 3x3": Loops(K=64, C=64, P=56, Q=56, R=3, S=3),
    "ResNet-18 3x3, stride 2": Loops(K=128, C=64, P=28, Q=28, R=3, S=3, stride=(2, 2)),
    "ResNet-18 fully connected": Loops(K=1000, C=512),
    "MobileNetV2 first 3x3, stride 2": Loops(K=32, C=3, P=112, Q=112, R=3, S=3, stride=(2, 2)),
    "MobileNetV2 expansion 1x1": Loops(K=96, C=16, P=112, Q=112),
    "MobileNetV2 projection 1x1": Loops(K=24, C=144, P=56, Q=56),
    "MobileNetV2 depthwise 3x3": Loops(G=144, P=56, Q=56, R=3, S=3),
    "MobileNetV2 depthwise 3x3, stride 2": Loops(G=96, P=56, Q=56, R=3, S=3, stride=(2, 2)),
}
QUICK = ("ResNet-18 fully connected",)
LPF_LIMIT = 6
EYERISS_CONVOLUTIONS = {"D1": ["OY"], "D2": ["FY", "K", "C"]}
"""What the recorded searches were allowed to unroll."""
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Machine:
    """An accelerator that ships with ZigZag."""

    file: str
    hints: dict[str, list[str]]
    """Dimensions that each side of the array may unroll, in ZigZag's names: for both searches."""
    sum_bits: int
    """Of a partial sum: as wide as the port of the sum register."""


MACHINES = (
    Machine("tpu_like.yaml", {"D1": ["K", "G"], "D2": ["C", "FX", "FY"]}, 16),
    Machine("eyeriss_like.yaml", {"D1": ["OY", "K"], "D2": ["FY", "K", "C", "G"]}, 24),
)


def main() -> None:
    """Compare on all machines and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=RECORDED, help="folder of recorded mappings of ZigZag")
    parser.add_argument("--zigzag", default=os.environ.get("COEXPLORE_ZIGZAG"), help="Python with zigzag-dse and six")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    names = QUICK if options.quick else tuple(OPS)
    if options.zigzag is None:
        print(
            "ZigZag is absent: no speed_ratio and no never_worse. Install zigzag-dse and six in an environment of "
            "their own and pass its Python as --zigzag."
        )
        result: Row = {"peer": "absent", "speed_ratio": None, "never_worse": None}
    else:
        rows, version = [], ""
        for machine in MACHINES[:1] if options.quick else MACHINES:
            found, version = compare(machine, names, options.zigzag, 3 if options.quick else 9)
            rows += found
        result = {"peer": f"ZigZag {version}"} | summary(rows)
    print(json.dumps(result | {"recorded": recorded(options.data, 3 if options.quick else None)}))


def compare(machine: Machine, names: Sequence[str], python: str, passes: int) -> tuple[list[Row], str]:
    """One row per op, and the version of ZigZag."""
    ops = {name: replace(OPS[name], bits=replace(BITS, accumulator=machine.sum_bits)) for name in names}
    answer = ask(python, machine, ops, None)
    hardware = Hardware.model_validate(yaml.safe_load(answer["hardware"]))
    accelerator = accelerator_of(hardware, machine.hints, machine.sum_bits)
    mappings = {name: mapping_of(loops, accelerator) for name, loops in ops.items()}
    ours_s = {name: our_cpu_s(loops, accelerator, passes) for name, loops in ops.items()}
    given = [given_mapping(accelerator, mapping) for mapping in mappings.values()]
    judged = ask(python, machine, ops, given)["rows"]
    rows = []
    print(f"{machine.file:20}{'op':38} CPU s: ZigZag, ours | EDP ours / theirs: physics, ZigZag's model | reading")
    for (name, loops), theirs, again in zip(ops.items(), answer["rows"], judged, strict=True):
        ours = replay(loops, accelerator, mappings[name])
        price, reading = price_theirs(loops, accelerator, hardware, theirs["spatial"], theirs["temporal"])
        views = operand_views(hardware, loops, theirs["spatial"], theirs["temporal"])
        bound = lower_bound(loops, accelerator, views)
        row: Row = {
            "accelerator": machine.file.removesuffix(".yaml"),
            "op": name,
            "zigzag_cpu_s": theirs["cpu_s"],
            "zigzag_priced": theirs["priced"],
            "our_cpu_s": ours_s[name],
            "edp_ratio": ours.total_cycles * ours.energy_j / PICO / price.edp,
            "edp_ratio_to_bound": ours.total_cycles * ours.energy_j / PICO / bound.edp,
            "reading_energy_error": abs(price.energy_pj / bound.energy_pj - 1),
            "exact": price.exact,
            "zigzag_model_edp_ratio": edp(again) / edp(theirs),
            "energy_error": abs(energy_pj(loops, views, ZIGZAG) / theirs["energy_pj"] - 1),
        }
        rows.append(row)
        times = f"{theirs['cpu_s']:12.2f} {ours_s[name]:.5f}"
        ratios = f"{row['edp_ratio']:.4f} {row['zigzag_model_edp_ratio']:.4f}"
        print(f"{'':20}{name:38} {times} | {ratios:29} | {'exact' if price.exact else 'lower bound'}")
        if row["edp_ratio"] > 1:
            explain(mappings[name], reading, theirs, price)
    return rows, answer["version"]


def explain(ours: Mapping, reading: Mapping | None, theirs: Row, price: Price) -> None:
    """Both mappings of an op on which ours is worse."""
    print(f"  ours   {json.dumps(ours.document())}")
    print(f"  theirs {json.dumps(reading.document()) if reading else theirs['temporal']}")
    print(f"         unrolled {theirs['spatial']}; {price.cycles:.0f} cycles, {price.energy_pj:.6g} pJ")


def edp(row: Row) -> float:
    """Cycles times energy as ZigZag reports them."""
    return row["cycles"] * row["energy_pj"]


def ask(python: str, machine: Machine, ops: dict[str, Loops], given: list[Row] | None) -> Row:
    """ZigZag's answer: its search, or its price of the mappings given."""
    layers = [layer_of(name, loops) for name, loops in ops.items()]
    job: Row = {"hardware": machine.file, "hints": machine.hints, "ops": layers, "lpf_limit": LPF_LIMIT}
    if given is not None:
        job["given"] = given
    done = subprocess.run([python, str(PEER)], input=json.dumps(job), capture_output=True, text=True)
    if done.returncode != 0:
        raise CoexploreError(f"ZigZag failed under {python}:\n{done.stderr[-1500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def layer_of(name: str, loops: Loops) -> Row:
    """An op in ZigZag's own description of layers."""
    return {
        "id": 0,
        "name": name,
        "operator_type": "Conv",
        "equation": "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]",
        "dimension_relations": [f"ix={loops.stride[1]}*ox+1*fx", f"iy={loops.stride[0]}*oy+1*fy"],
        "loop_dims": list(DIM_OF),
        "loop_sizes": [getattr(loops, dim.value) for dim in DIM_OF.values()],
        "operand_precision": {
            "W": loops.bits.weight,
            "I": loops.bits.input,
            "O": loops.bits.accumulator,
            "O_final": loops.bits.output,
        },
        "operand_source": {"I": 0, "W": 0},
    }


def mapping_of(loops: Loops, accelerator: Accelerator) -> Mapping:
    """Our best mapping.

    Raises:
        CoexploreError: there is none.
    """
    found = best_mapping(loops, accelerator, Goal.EDP)
    if found.mapping is None:
        raise CoexploreError(f"{accelerator.name}: {found.reason}")
    return found.mapping


def our_cpu_s(loops: Loops, accelerator: Accelerator, passes: int) -> float:
    """Median processor time of a search that starts from nothing but compiled kernels."""
    times = []
    for _ in range(passes):
        best_mapping.cache_clear()
        begin = time.process_time()
        best_mapping(loops, accelerator, Goal.EDP)
        times.append(time.process_time() - begin)
    return statistics.median(times)


def summary(rows: list[Row]) -> Row:
    """The keys of the comparison; totals over all ops and accelerators."""
    theirs, ours = (sum(row[key] for row in rows) for key in ("zigzag_cpu_s", "our_cpu_s"))
    ratios, model = ([row[key] for row in rows] for key in ("edp_ratio", "zigzag_model_edp_ratio"))
    return {
        "speed_ratio": theirs / ours,
        "least_speed_ratio": min(row["zigzag_cpu_s"] / row["our_cpu_s"] for row in rows),
        "never_worse": max(ratios) <= 1,
        "worst_edp_ratio": max(ratios),
        "median_edp_ratio": statistics.median(ratios),
        "worst_edp_ratio_to_bound": max(row["edp_ratio_to_bound"] for row in rows),
        "ops": len(rows),
        "read_exactly": sum(row["exact"] for row in rows),
        "our_layers_per_cpu_s": len(rows) / ours,
        "zigzag_layers_per_cpu_s": len(rows) / theirs,
        "zigzag_energy_max_rel_error": max(row["energy_error"] for row in rows),
        "reading_energy_max_rel_error": max(row["reading_energy_error"] for row in rows),
        "zigzag_model_never_worse": max(model) <= 1,
        "zigzag_model_worst_edp_ratio": max(model),
        "zigzag_model_median_edp_ratio": statistics.median(model),
        "rows": rows,
    }


def recorded(folder: Path, limit: int | None) -> Row | None:
    """Ours against the mappings that ZigZag once chose for ResNet-18's convolutions on its Eyeriss-like accelerator."""
    file, layers = folder / "resnet18__eyeriss12x14__EDP_lpf6.csv", folder.parent / "layers" / "resnet18.csv"
    if not (file.is_file() and layers.is_file()):
        print(f"no recorded mappings at {file}")
        return None
    with file.open() as lines, layers.open() as table:
        dims, rows = {row["layer"]: row for row in csv.DictReader(table)}, list(csv.DictReader(lines))
    hardware = read_hardware(folder / "configs" / "eyeriss12x14.hw.yaml")
    accelerator = accelerator_of(hardware, EYERISS_CONVOLUTIONS, BITS.accumulator)
    ratios, exact, seen = [], 0, set()
    for row in [row for row in rows if dims[row["layer"]]["type"] == "conv"][:limit]:
        layer = dims[row["layer"]]
        sizes = {name: int(layer[name]) for name in "NKCPQRS"}
        loops = Loops(**sizes, stride=(int(layer["stride_h"]), int(layer["stride_w"])), bits=BITS)
        if loops in seen:
            continue
        seen.add(loops)
        ours = replay(loops, accelerator, mapping_of(loops, accelerator))
        price, _ = price_theirs(loops, accelerator, hardware, row["spatial"], row["temporal"])
        ratios.append(ours.total_cycles * ours.energy_j / PICO / price.edp)
        exact += price.exact
        reading = "exact" if price.exact else "lower bound"
        print(f"recorded {row['layer']:20} EDP ours / theirs {ratios[-1]:.4f}, {reading}")
    return {"ops": len(ratios), "read_exactly": exact, "never_worse": max(ratios) <= 1, "worst_edp_ratio": max(ratios)}


if __name__ == "__main__":
    try:
        main()
    except CoexploreError as error:
        sys.exit(f"error: {error}")

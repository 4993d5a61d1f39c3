"""How close is a replay to the Eyeriss chip? AlexNet's convolutions under the chip's own mapping, nothing fitted.

The truth is Table V of Chen et al., IEEE JSSC 52(1), 2017: a batch of four, 65 nm, 200 MHz, a 60 MHz link. Latencies
are those of a batch; main-memory traffic is after run-length compression. MB are 1e6 bytes.

* Time follows the five rules of `coexplore.cost.presets.eyeriss`. `latency_mape` is about the chip's total latency,
  `processing_latency_mape` about the time in which the array works.
* Compression: inputs and outputs are run-length coded (three pairs of 5-bit run and 16-bit value per 64-bit word) with
  zeros at random in the measured share; padding is not stored; the image is stored raw; weights are not compressed.
  The outputs of a layer have the zeros of the next layer's inputs. Pooling stands between the first layers and removes
  zeros, so this overstates their traffic; the last row borrows the share of its own inputs.
* The mapping parameters are recalled from Table III of that paper and agree with the measured number of active
  elements. For CONV3 we recalled q=4, r=1, t=4, which would move 69 MB at the global buffer; the measured 50.2 MB are
  those of q=3, r=2, t=2, as in the two layers that follow. That is what is replayed.

A table may hold other layers of AlexNet or VGG-16; those without a published mapping run under the fastest
row-stationary one. That search is also run on AlexNet, to see how far it is from the chip's own mappings.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from coexplore.accelerators.eyeriss import BITS, eyeriss_168
from coexplore.cost.nest import flatten, problem_of
from coexplore.cost.presets.eyeriss import CHIP, EyerissRules, LinkRatios, eyeriss, input_words, run_length_ratio
from coexplore.cost.replay import Replay, replay
from coexplore.cost.row_stationary import RowStationary, row_stationary
from coexplore.cost.row_stationary_search import best_row_stationary
from coexplore.networks.alexnet import alexnet
from coexplore.networks.vgg import vgg_16
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Bits, Conv2d, Loops

PATTERN = "eyeriss_*.csv"
MEGABYTE = 8e6
MAPPINGS = {
    "CONV1": RowStationary(m=96, n=1, e=7, p=16, q=1, r=1, t=2),
    "CONV2": RowStationary(m=64, n=1, e=27, p=16, q=2, r=1, t=1),
    "CONV3": RowStationary(m=64, n=4, e=13, p=16, q=3, r=2, t=2),
    "CONV4": RowStationary(m=64, n=4, e=13, p=16, q=3, r=2, t=2),
    "CONV5": RowStationary(m=64, n=4, e=13, p=16, q=3, r=2, t=2),
}
COLUMNS = {
    "latency": "total_latency_ms",
    "processing_latency": "processing_latency_ms",
    "dram": "dram_access_MB",
    "glb": "glb_access_MB",
}
VARIANTS = {
    "all rules": CHIP,
    "sums added for free": EyerissRules(one_adder=False),
    "weights enter behind work": EyerissRules(weights_wait=False),
    "inputs load behind work": EyerissRules(inputs_wait=False),
    "last outputs leave behind work": EyerissRules(last_outputs_wait=False),
    "multiplications only": EyerissRules(False, False, False, False),
}


@dataclass(frozen=True)
class Layer:
    """One measured row and what is replayed for it."""

    row: dict[str, str]
    loops: Loops
    mapping: RowStationary
    ratios: LinkRatios


def main() -> None:
    """Replay every row and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a table of that form, or a folder with one")
    parser.add_argument("--quick", action="store_true", help="without the search for other mappings")
    options = parser.parse_args()
    layers = [layer for file in find_files(options.data) for layer in read_layers(file)]
    print(f"{'layer':6} {'quantity':20} {'measured':>9} {'replayed':>9} {'error':>7}")
    for layer in layers:
        for name, value in replayed(layer, CHIP).items():
            measured = float(layer.row[COLUMNS[name]])
            error = value / measured - 1
            print(f"{layer.row['layer']:6} {name:20} {measured:9.2f} {value:9.2f} {100 * error:+6.1f}%")
    if not options.quick:
        print_search(layers)
    print(f"\n{'rules':32} {'latency':>8} {'processing':>11}   (mean absolute error)")
    for name, rules in VARIANTS.items():
        errors = mean_errors(layers, rules)
        print(f"{name:32} {100 * errors['latency']:7.1f}% {100 * errors['processing_latency']:10.1f}%")
    errors = {f"{name}_mape": round(value, 4) for name, value in mean_errors(layers, CHIP).items()}
    print(json.dumps({"rows": len(layers), **errors, "latency_column": COLUMNS["latency"]}))


def print_search(layers: list[Layer]) -> None:
    """Our own best mapping beside the one replayed."""
    print(f"\n{'layer':8} {'fastest mapping':64} {'its latency over that of the one replayed':>10}")
    for layer in layers:
        best = best_row_stationary(layer.loops, eyeriss_168(), eyeriss(layer.ratios))
        ratio = replayed(replace(layer, mapping=best), CHIP)["latency"] / replayed(layer, CHIP)["latency"]
        print(f"{layer.row['layer']:8} {best!s:64} {ratio:10.3f}")


def find_files(given: Path | None) -> list[Path]:
    """The given table, those in the given folder, or those beside the data."""
    base = given or Path(os.environ.get("COEXPLORE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    if base.is_file():
        return [base]
    for folder in (base, base / "silicon", base / "reference" / "silicon", base.parent / "reference" / "silicon"):
        files = sorted(folder.glob(PATTERN))
        if files:
            return files
    raise SystemExit(f"no {PATTERN} in or beside {base}; pass --data FILE_OR_FOLDER")


def read_layers(file: Path) -> list[Layer]:
    """The measured rows with their ops, batch included; a row of totals is skipped."""
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    missing = {"layer", "batch", "zero_ifmap_pct", *COLUMNS.values()} - set(rows[0] if rows else ())
    if missing:
        raise SystemExit(f"{file} has no column {', '.join(sorted(missing))}, or no rows")
    rows = [row for row in rows if row["layer"] != "Total"]
    network = network_of(rows, file)
    zeros = {op_name(row): float(row["zero_ifmap_pct"]) / 100 for row in rows}
    return [read_layer(row, network, zeros) for row in rows]


def network_of(rows: list[dict[str, str]], file: Path) -> Workload:
    """The network that has all the layers."""
    names = {op_name(row) for row in rows}
    for network in (alexnet(), vgg_16()):
        if names and names <= {op.name for op in network.ops}:
            return network
    raise SystemExit(f"{file.name}: its layers {', '.join(row['layer'] for row in rows)} are not AlexNet's or VGG-16's")


def op_name(row: dict[str, str]) -> str:
    """CONV1 is conv1, CONV1-1 is conv1_1."""
    return row["layer"].lower().replace("-", "_")


def read_layer(row: dict[str, str], network: Workload, zeros: dict[str, float]) -> Layer:
    """The op of a row, batch included, and what compression does to it.

    The outputs have the zeros that the next convolution reads; where that one has no row, as many as the inputs.
    """
    op, zero = network.producers[op_name(row)], zeros[op_name(row)]
    following = [other.name for other in network.ops if isinstance(other, Conv2d)]
    after = zeros.get(dict(pairwise(following)).get(op.name, ""), zero)
    loops = network.loops(op)
    if not isinstance(op, Conv2d) or loops is None:
        raise SystemExit(f"layer {row['layer']} is no convolution")
    loops = replace(loops, N=int(row["batch"]), bits=Bits(BITS, BITS, BITS, BITS))
    coded = 1.0 if op.inputs[0] == network.inputs[0][0] else run_length_ratio(zero)
    height, width = network.input_shapes(op)[0][2:]
    ratios = LinkRatios(coded * stored_share(loops, height, width), run_length_ratio(after))
    published = MAPPINGS.get(row["layer"])
    return Layer(row, loops, published or best_row_stationary(loops, eyeriss_168(), eyeriss(ratios)), ratios)


def stored_share(loops: Loops, height: int, width: int) -> float:
    """Part of the inputs under the windows that is no padding."""
    rows = (loops.P - 1) * loops.stride[0] + loops.R
    columns = (loops.Q - 1) * loops.stride[1] + loops.S
    return min(1.0, height / rows) * min(1.0, width / columns)


def replayed(layer: Layer, rules: EyerissRules) -> dict[str, float]:
    """Latencies in ms and traffic in MB of one layer, in the order of `COLUMNS`."""
    chip = eyeriss_168()
    mapping = row_stationary(layer.loops, layer.mapping, columns=chip.levels[1].fanout[0].size)
    cost = replay(layer.loops, chip, mapping, eyeriss(layer.ratios, rules))
    if not cost.feasible:
        raise SystemExit(f"layer {layer.row['layer']}: {cost.reason}")
    nest = flatten(mapping, chip)
    to_array = input_words(problem_of(layer.loops, chip), nest) * BITS
    sums = sum(traffic(cost, "global_buffer", "output"))
    coded = (
        traffic(cost, "dram", "input")[0] * layer.ratios.input
        + traffic(cost, "dram", "output")[1] * layer.ratios.output
    )
    ms = 1e3 / chip.clock_hz
    return {
        "latency": cost.total_cycles * ms,
        "processing_latency": (cost.compute_cycles + cost.fill_drain_cycles + cost.stall_cycles) * ms,
        "dram": (traffic(cost, "dram", "weight")[0] + coded) / MEGABYTE,
        "glb": (to_array + sums) / MEGABYTE,
    }


def traffic(cost: Replay, level: str, operand: str) -> tuple[int, int]:
    """Bits read from and written to a level."""
    return next((read, written) for name, kind, read, written in cost.traffic_bits if (name, kind) == (level, operand))


def mean_errors(layers: list[Layer], rules: EyerissRules) -> dict[str, float]:
    """Mean absolute relative error over the layers, by quantity."""
    values = [replayed(layer, rules) for layer in layers]
    return {
        name: statistics.fmean(
            abs(value[name] / float(layer.row[column]) - 1) for layer, value in zip(layers, values, strict=True)
        )
        for name, column in COLUMNS.items()
    }


if __name__ == "__main__":
    main()

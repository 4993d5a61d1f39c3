"""Does an accelerator described from public facts rank networks as the device does? Nothing is fitted.

For each device: Kendall's tau (b) between our latency and the measured one, and between multiply-accumulates and the
measured one; where both are the time of one image on one engine also the median error of ours. Throughputs are ranked
by their inverse. Networks run under their best mapping for latency, op by op, each
op priced once.

* NAS-Bench-201 `fpga` (itself a model of an unnamed design) on a generic XC7Z045; `eyeriss`, where a table has it.
* Accel-NASBench on a DPU core, and on a TPU core with a batch of 128; depthwise convolutions on its vector unit.
* Coral Edge TPU: activations stay on the chip; weights beyond its memory, and the image, come over the host link.
* Vitis AI boards: networks that we can build and whose published operations agree within 20 %. Boards run one image
  per engine. Measured is the latency of one thread, else the inverse of the frame rate; both include the host.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from coexplore.accelerators import devices
from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.eyeriss import eyeriss_168
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.replay import replay
from coexplore.cost.vector import price_vector_op
from coexplore.networks.inception_v1 import inception_v1
from coexplore.networks.mnasnet_like import accel_nasbench, efficientnet_edgetpu
from coexplore.networks.mobilenet_v1 import mobilenet_v1
from coexplore.networks.nb201 import EDGES, OPERATIONS, nb201
from coexplore.networks.resnet import resnet_50, resnet_152
from coexplore.networks.squeezenet import squeezenet
from coexplore.networks.vgg import vgg_16, vgg_19
from coexplore.testing.rank_correlation import kendall_tau
from coexplore.testing.vitis_networks import LARGE, mobilenet_v2_of_width, vitis_network
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import DEFAULT_BITS, Bits, Loops

Row = dict[str, object]
SEED = 0
QUICK_ROWS = 300
TPU_BATCH = 128


@dataclass(frozen=True)
class Device:
    """Hardware, and how it is used."""

    accelerator: Accelerator
    batch: int = 1
    bits: Bits = DEFAULT_BITS
    link_bytes_per_s: float | None = None
    """Where set, activations stay on the chip and only the image and weights beyond its memory move."""
    depthwise: Accelerator | None = None
    """Where set, what runs depthwise convolutions instead."""


B4096 = Device(devices.dpu_b4096(281e6), depthwise=devices.dpu_depthwise(281e6))
WIDE = Bits(16, 16, 16, 32)
NB201_COLUMNS = {"fpga": Device(devices.zc706(), bits=Bits(16, 16, 16, 16)),
                 "eyeriss": Device(eyeriss_168(), bits=Bits(16, 16, 16, 16))}  # fmt: skip
ACCEL_COLUMNS = {
    "latency_zcu102": B4096,
    "latency_vck190": Device(devices.dpu_versal(1, 1.25e9), depthwise=devices.dpu_versal_depthwise(1)),
    "throughput_zcu102": B4096,
    "throughput_vck190": Device(devices.dpu_versal(6, 1.25e9), 6, depthwise=devices.dpu_versal_depthwise(6)),
    "throughput_tpuv2": Device(devices.tpu_v2_core(), TPU_BATCH, WIDE, depthwise=devices.tpu_v2_vector_unit()),
    "throughput_tpuv3": Device(devices.tpu_v3_core(), TPU_BATCH, WIDE, depthwise=devices.tpu_v3_vector_unit()),
}
CORAL_COLUMNS = {
    "usb3_accelerator_ms": Device(devices.edge_tpu(), link_bytes_per_s=devices.USB3_BYTES_PER_S),
    "dev_board_ms": Device(devices.edge_tpu(), link_bytes_per_s=devices.PCIE_BYTES_PER_S),
}
CORAL_HOSTS = {"aarch64": devices.PCIE_BYTES_PER_S}
"""Links of hosts; the others are USB 3, or USB 2 on the boards `rp3b`."""
USB2_BYTES_PER_S = 60e6


CORAL_NETWORKS: dict[str, Callable[[], Workload]] = {
    "Inception v1 224": inception_v1,
    "MobileNet v1 224": mobilenet_v1,
    "MobileNet v2 224": mobilenet_v2_of_width,
    "ResNet-50 V1 299": partial(resnet_50, LARGE),
    "ResNet-50 V2 299": partial(resnet_50, LARGE),
    "ResNet-152 V2 299": partial(resnet_152, LARGE),
    "SqueezeNet 224": squeezenet,
    "VGG16 224": vgg_16,
    "VGG19 224": vgg_19,
    "EfficientNet-EdgeTpu-S": partial(efficientnet_edgetpu, "S"),
    "EfficientNet-EdgeTpu-M": partial(efficientnet_edgetpu, "M"),
    "inception_v1_224_quant_edgetpu.tflite": inception_v1,
    "mobilenet_v1_1.0_224_quant_edgetpu.tflite": mobilenet_v1,
    "mobilenet_v2_1.0_224_quant_edgetpu.tflite": mobilenet_v2_of_width,
}
VCK5000_BYTES_PER_S = 102.4e9
"""Four channels of DDR4."""


def main() -> None:
    """Rank the networks of every table there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of tables, or one table of their forms")
    parser.add_argument("--quick", action="store_true", help=f"a sample of {QUICK_ROWS} networks per table")
    options = parser.parse_args()
    results: dict[str, dict[str, object]] = {}
    print(f"{'device':64} {'rows':>6} {'tau':>7} {'tau of MACs':>12} {'median error':>13}")
    for file, judge in tables(options.data):
        rows = read_rows(file)
        for name, measured, ours, macs, same in judge(rows, options.quick):
            if len(set(measured)) < 2 or len(set(ours)) < 2 or len(set(macs)) < 2:
                print(f"{name:64} {len(measured):6}  too few different networks that we can build to rank them")
                continue
            tau, tau_macs = kendall_tau(ours, measured), kendall_tau(macs, measured)
            error = median_error(ours, measured) if same else None
            results[name] = {"tau": round(tau, 4), "tau_macs": round(tau_macs, 4), "rows": len(measured)}
            results[name] |= {} if error is None else {"median_error": round(error, 4)}
            shown = "" if error is None else f"{100 * error:13.0f}%"
            print(f"{name:64} {len(measured):6} {tau:7.3f} {tau_macs:12.3f} {shown}")
    print(json.dumps({"devices": results}))


Ranking = tuple[str, list[float], list[float], list[float], bool]
"""Device; measured seconds, our seconds and multiply-accumulates, one entry per network; whether the two times are of
the same thing: one image on one engine."""
Judge = Callable[[list[Row], bool], Iterable[Ranking]]


def data_folder() -> Path:
    """COEXPLORE_DATA, else shared/data beside the repository."""
    return Path(os.environ.get("COEXPLORE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def tables(given: Path | None) -> list[tuple[Path, Judge]]:
    """The tables to judge: the given one, known by its columns, or all of a folder."""
    if given is not None and given.is_file():
        return [(given, judge_of(given))]
    base = given or data_folder()
    if not base.exists():
        raise SystemExit(f"{base} does not exist")
    names = ("nb201_latency_help.parquet", "accel_nasbench.parquet", "coral_edgetpu_latency.csv",
             "coral_edgetpu_benchmarks.csv", "vitis_ai_fpga_performance.parquet")  # fmt: skip
    places = (base, base / "silicon", base.parent / "reference" / "silicon")
    found = [next((place / name for place in places if (place / name).is_file()), None) for name in names]
    if not any(found):
        raise SystemExit(f"none of {', '.join(names)} is in {base}; pass --data FILE_OR_FOLDER")
    return [(file, judge_of(file)) for file in found if file is not None]


def judge_of(file: Path) -> Judge:
    """What a table holds, by its columns."""
    columns = read_rows(file)[0].keys()
    for needed, judge in JUDGES:
        if needed <= columns:
            return judge
    raise SystemExit(f"{file} has the columns {', '.join(columns)}; they are those of no table that is known")


@cache
def _read(file: Path) -> tuple[Row, ...]:
    if file.suffix == ".csv":
        with file.open(newline="") as stream:
            return tuple(csv.DictReader(stream))
    return tuple(parquet.read_table(file).to_pylist())


def read_rows(file: Path) -> list[Row]:
    """All rows of a table."""
    rows = list(_read(file))
    if not rows:
        raise SystemExit(f"{file.name} has no rows")
    return rows


def sample(rows: list[Row], quick: bool) -> list[Row]:
    """All rows, or as many as a quick run takes."""
    return random.Random(SEED).sample(rows, min(QUICK_ROWS, len(rows))) if quick else rows


def judge_nb201(rows: list[Row], quick: bool) -> Iterable[Ranking]:
    """Cells with equally many edges of each operation at each node cost the same: each kind is built once."""
    table = data_folder() / "nb201_cells.parquet"
    if not table.is_file():
        raise SystemExit(f"the cells of NB201 are not at {table}; set COEXPLORE_DATA to the folder that has them")
    cells = {row["arch_index"]: row for row in read_rows(table)}
    rows = sample(rows, quick)
    codes = [tuple(int(cells[row["arch_index"]][f"e{to}_{origin}"]) for to, origin in EDGES) for row in rows]
    for column, device in NB201_COLUMNS.items():
        if column in rows[0]:
            priced = [_nb201(device, code) for code in codes]
            yield f"nb201 {column}", [float(row[column]) / 1e3 for row in rows], *columns_of(priced), True


@cache
def _nb201(device: Device, code: tuple[int, ...]) -> tuple[float, float]:
    return times(nb201([OPERATIONS[operation] for operation in code]), device)


def judge_accel(rows: list[Row], quick: bool) -> Iterable[Ranking]:
    """One measured column after the other; rows without a value are left out."""
    for column, device in ACCEL_COLUMNS.items():
        known = [row for row in rows if row.get(column) is not None and row[column] == row[column]]
        if known:
            known = sample(known, quick)
            priced = [times(accel_network(row), device) for row in known]
            latency = column.startswith("latency")
            measured = [float(row[column]) / 1e3 if latency else 1 / float(row[column]) for row in known]
            yield f"accel-nasbench {column}", measured, *columns_of(priced), latency


def accel_network(row: Row) -> Workload:
    """The network of a row, built once for all devices."""
    return _accel(tuple(tuple(row[f"block{stage}_{key}"] for stage in range(7)) for key in ("e", "k", "l", "se")))


@cache
def _accel(choices: tuple[tuple[int, ...], ...]) -> Workload:
    return accel_nasbench(*choices)


def judge_coral(rows: list[Row], quick: bool) -> Iterable[Ranking]:
    """The published benchmark page, per product."""
    known = [row for row in rows if row["model"] in CORAL_NETWORKS]
    for column, device in CORAL_COLUMNS.items():
        priced = [times(CORAL_NETWORKS[row["model"]](), device) for row in known]
        yield f"coral {column}", [float(row[column]) / 1e3 for row in known], *columns_of(priced), True


def judge_coral_hosts(rows: list[Row], quick: bool) -> Iterable[Ranking]:
    """The reference inference times, per host."""
    for host in sorted({str(row["host"]) for row in rows}):
        link = CORAL_HOSTS.get(host, USB2_BYTES_PER_S if host.startswith("rp3") else devices.USB3_BYTES_PER_S)
        known = [row for row in rows if row["host"] == host and row["model"] in CORAL_NETWORKS]
        priced = [
            times(CORAL_NETWORKS[row["model"]](), Device(devices.edge_tpu(), link_bytes_per_s=link)) for row in known
        ]
        yield f"coral host {host}", [float(row["inference_ms"]) / 1e3 for row in known], *columns_of(priced), True


def judge_vitis(rows: list[Row], quick: bool) -> Iterable[Ranking]:
    """Per release, board and configuration; configurations without public parallelism are left out."""
    boards = dict.fromkeys((str(row["vitis_ai"]), str(row["device"]), str(row["dpu_config"])) for row in rows)
    for board in boards:
        device = board_device(board[2])
        if device is None:
            print(f"vitis {' '.join(board)}: not described, left out")
            continue
        known = [row for row in rows if (row["vitis_ai"], row["device"], row["dpu_config"]) == board]
        pairs = [(network, time) for row in known if (network := vitis_network(row)) and (time := measured_s(row))]
        if len(pairs) < 2:
            continue
        priced = [times(network, device) for network, _ in pairs]
        yield f"vitis {' '.join(board)}", [time for _, time in pairs], *columns_of(priced), device.batch == 1


def board_device(config: str) -> Device | None:
    """Number and clock of engines, read from the published configuration."""
    clock = re.search(r"(\d+) ?[Mm][Hh]z", config)
    engines = re.search(r"(\d+) ?(PE|DPUCAHX8H|AIEs)", config)
    if clock and "B4096" in config:
        hz = int(clock[1]) * 1e6
        return Device(devices.dpu_b4096(hz), depthwise=devices.dpu_depthwise(hz))
    if clock and engines and "DPUCAHX8H" in config:
        return Device(devices.dpu_hbm(int(engines[1]), int(clock[1]) * 1e6), batch=int(engines[1]))
    if clock and engines and engines[2] == "AIEs":
        handlers = int(engines[1]) // 32
        array = devices.dpu_versal(handlers, int(clock[1]) * 1e6)
        return Device(array, handlers, depthwise=devices.dpu_versal_depthwise(handlers))
    if engines and "DPUCVDX8H" in config:
        handlers = int(engines[1])
        array = devices.dpu_versal(handlers, 1.25e9, VCK5000_BYTES_PER_S)
        return Device(array, handlers, depthwise=devices.dpu_versal_depthwise(handlers, VCK5000_BYTES_PER_S))
    return None


def measured_s(row: Row) -> float | None:
    """Latency of one thread, else the inverse of a frame rate."""
    if row["latency_ms_1thread"]:
        return float(str(row["latency_ms_1thread"])) / 1e3
    rate = row["fps_single"] or row["fps_multi"]
    return 1 / float(str(rate)) if rate else None


def columns_of(priced: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Times and multiply-accumulates as two lists."""
    return [time for time, _ in priced], [macs for _, macs in priced]


def times(network: Workload, device: Device) -> tuple[float, float]:
    """Seconds of a batch on a device, and multiply-accumulates of one image."""
    total = math.fsum(op_seconds(network, device))
    if device.link_bytes_per_s is not None:
        image = int(np.prod(network.inputs[0][1]))
        streamed = max(0, network.parameters - devices.EDGE_TPU_CACHE_BYTES)
        total += (image + streamed) / device.link_bytes_per_s
    return total, float(network.macs)


def op_seconds(network: Workload, device: Device) -> Iterable[float]:
    """Per op; ops of the vector unit are linear in the batch."""
    for op in network.ops:
        loops = network.loops(op)
        if loops is not None:
            alone = loops.G > 1 and loops.K == loops.C == 1
            accelerator = device.depthwise if alone and device.depthwise else device.accelerator
            yield mac_seconds(replace(loops, N=loops.N * device.batch, bits=device.bits), accelerator)
        else:
            cost = price_vector_op(network, op, device.accelerator)
            yield device.batch * cost.total_cycles / device.accelerator.clock_hz


@cache
def mac_seconds(loops: Loops, accelerator: Accelerator) -> float:
    """One op under its best mapping."""
    found = best_mapping(loops, accelerator, Goal.LATENCY)
    if found.mapping is None:
        raise SystemExit(f"{accelerator.name}: {loops}: {found.reason}")
    return replay(loops, accelerator, found.mapping).total_cycles / accelerator.clock_hz


def median_error(ours: Sequence[float], measured: Sequence[float]) -> float:
    """Median absolute relative error, nothing calibrated."""
    return float(np.median(np.abs(np.array(ours) / np.array(measured) - 1)))


JUDGES: tuple[tuple[set[str], Judge], ...] = (
    ({"arch_index"}, judge_nb201),
    ({f"block{stage}_{key}" for stage in range(7) for key in ("e", "k", "l", "se")}, judge_accel),
    ({"host", "model", "inference_ms"}, judge_coral_hosts),
    ({"model", *CORAL_COLUMNS}, judge_coral),
    ({"vitis_ai", "device", "dpu_config", "model", "latency_ms_1thread", "fps_single", "fps_multi", "ops_g",
      "ops_g_from_name"}, judge_vitis),
)  # fmt: skip
"""The columns that a table needs, and who judges it."""


if __name__ == "__main__":
    main()

"""Does the FPGA tile model rank networks as real boards do? Predicted against measured frames per second, not fitted.

Measured are the frame rates that AMD publishes for its own overlay on its boards (Vitis AI, several threads, host work
included). Predicted is one tile engine of `coexplore.cost.fpga`, the consistent rules, on the board's device. The
overlay is another architecture: it multiplies 8-bit words, works on several pixels at once and runs one to fourteen
engines. So only the order of the networks is compared, by Spearman's rank correlation, per release, board and
configuration; beside it the order by multiply-accumulates alone, fewer being faster.

Networks are those that we can build and whose published operations agree within 20 %. `rho_model` is for one engine
that all networks of a board share, the fastest for all of them together; `rho_own` for an engine solved for each
network, which no overlay can do. Boards whose overlay runs on AI engines instead of DSP slices are left out, and so are
U200 and U250, with four networks that we can build.

The last line is one JSON object: `boards` with `n` rows and `networks` different ones, and medians over boards.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pyarrow.parquet as parquet

from coexplore.accelerators.fpga import FpgaDesign, FpgaDevice
from coexplore.accelerators.fpga_devices import fpga_device
from coexplore.cost.fpga import CONSISTENT, price_on_fpga
from coexplore.cost.fpga_layers import FpgaLayer, fpga_layers
from coexplore.cost.fpga_search import best_design, stage_grid
from coexplore.testing.rank_correlation import spearman
from coexplore.testing.vitis_networks import vitis_network

TABLE = "vitis_ai_fpga_performance.parquet"
COLUMNS = {"vitis_ai", "device", "dpu_config", "model", "fps_single", "fps_multi", "ops_g", "ops_g_from_name"}
LEAST_NETWORKS = 5
QUICK_BOARDS = 2
Row = dict[str, object]
Board = tuple[str, str, str]
"""Release, board and configuration."""


def _board(name: str, dsp: int, bram18: int, lut: int, memory_lut: int, port_bits: int, gb_s: float) -> FpgaDevice:
    """A board; power plays no part here."""
    zcu102 = fpga_device("zcu102")
    return replace(
        zcu102, name=name, dsp=dsp, bram18=bram18, lut=lut, memory_lut=memory_lut, port_bits=port_bits,
        bandwidth_gb_s=gb_s, board=name, source="data sheets DS987 (K26), DS965 (U50) and DS963 (U280), recalled",
    )  # fmt: skip


DEVICES = {
    r"ZCU102": fpga_device("zcu102"),
    r"(Kria )?KV260": _board("kv260", 1_248, 288, 117_120, 57_600, 512, 19.2),
    r"U50": _board("u50", 5_952, 2_688, 872_000, 402_000, 4_096, 316.0),
    r"U280": _board("u280", 9_024, 4_032, 1_304_000, 601_000, 4_096, 460.0),
}
"""Boards whose overlay is built of DSP slices. The 4,096 bits of ports to the stacked memory of the cards are
ours."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """One board."""

    n: int
    networks: int
    rho_model: float
    rho_own: float
    rho_macs: float


def main() -> None:
    """A line per board, then the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("COEXPLORE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default, help=f"{TABLE}, or its folder")
    parser.add_argument("--quick", action="store_true", help=f"the first {QUICK_BOARDS} boards")
    options = parser.parse_args()
    rows = read_rows(options.data / TABLE if options.data.is_dir() else options.data)
    found: dict[str, Ranking] = {}
    print(f"{'release, board and configuration':80} rows  networks   model     own    MACs")
    for board in dict.fromkeys((str(row["vitis_ai"]), str(row["device"]), str(row["dpu_config"])) for row in rows):
        if options.quick and len(found) == QUICK_BOARDS:
            break
        name = " ".join(" ".join(board).split())
        device = device_of(board)
        if device is None:
            print(f"{name:80} AI engines, or a device we do not describe: left out")
            continue
        ranking = rank(device, [row for row in rows if (row["vitis_ai"], row["device"], row["dpu_config"]) == board])
        if ranking is None:
            print(f"{name:80} fewer than {LEAST_NETWORKS} different networks that we can build: left out")
            continue
        found[name] = ranking
        print(
            f"{name:80} {ranking.n:4} {ranking.networks:9} {ranking.rho_model:7.3f} {ranking.rho_own:7.3f} "
            f"{ranking.rho_macs:7.3f}",
            flush=True,
        )
    print(json.dumps(summary(found)))


def read_rows(file: Path) -> list[Row]:
    """The table, or one message about what is wrong with it."""
    if not file.is_file():
        raise SystemExit(f"{file} does not exist; pass --data FILE_OR_FOLDER")
    rows: list[Row] = parquet.read_table(file).to_pylist()
    if not rows:
        raise SystemExit(f"{file.name} has no rows")
    if missing := COLUMNS - rows[0].keys():
        raise SystemExit(f"{file.name} lacks the columns {', '.join(sorted(missing))}")
    return rows


def device_of(board: Board) -> FpgaDevice | None:
    """The device at the clock of the configuration, None for what we do not describe."""
    _, name, config = board
    clock = re.search(r"(\d+) ?MHz", config, re.IGNORECASE)
    device = next((device for pattern, device in DEVICES.items() if re.match(pattern, name)), None)
    if device is None or clock is None or "AIE" in config:
        return None
    return replace(device, clock_hz=float(clock[1]) * 1e6)


def rank(device: FpgaDevice, rows: Sequence[Row]) -> Ranking | None:
    """Correlations over the rows with a frame rate, None where there are too few networks."""
    pairs = [
        (network, float(str(rate)))
        for row in rows
        if (network := vitis_network(row)) is not None and (rate := row["fps_multi"] or row["fps_single"])
    ]
    networks = [network for network, _ in pairs]
    unique = list({id(network): network for network in networks}.values())
    if len(unique) < LEAST_NETWORKS:
        return None
    layers = {id(network): fpga_layers(network) for network in unique}
    shared, own = shared_rates(device, list(layers.values())), [own_rate(device, each) for each in layers.values()]
    by_network = dict(zip(layers, zip(shared, own, strict=True), strict=True))
    measured = [rate for _, rate in pairs]
    orders = (
        [by_network[id(network)][0] for network in networks],
        [by_network[id(network)][1] for network in networks],
        [-float(network.macs) for network in networks],
    )
    model, alone, macs = (spearman(order, measured) for order in orders)
    if model is None or alone is None or macs is None:
        return None
    return Ranking(len(pairs), len(unique), model, alone, macs)


def shared_rates(device: FpgaDevice, networks: Sequence[tuple[FpgaLayer, ...]]) -> list[float]:
    """Frames per second on the engine that is the fastest for one frame of each."""
    design = _fastest(tuple(layer for layers in networks for layer in layers), device)
    costs = [price_on_fpga(layers, design, device) for layers in networks]
    return [1 / cost.latency_s for cost in costs]


@cache
def own_rate(device: FpgaDevice, layers: tuple[FpgaLayer, ...]) -> float:
    """Frames per second on the network's own engine."""
    return 1 / price_on_fpga(layers, _fastest(layers, device), device).latency_s


def _fastest(layers: tuple[FpgaLayer, ...], device: FpgaDevice) -> FpgaDesign:
    found = best_design(layers, device, grid=stage_grid(layers, device, CONSISTENT))
    if found.design is None:
        raise SystemExit(found.reason)
    return found.design


def summary(found: dict[str, Ranking]) -> dict[str, object]:
    """Per board and medians."""
    if not found:
        raise SystemExit("no board of this table has networks that we can build and rank")
    fields = ("rho_model", "rho_own", "rho_macs")
    medians = {
        f"median_{name}": round(statistics.median(getattr(r, name) for r in found.values()), 4) for name in fields
    }
    boards = {
        name: {"n": r.n, "networks": r.networks, **{field: round(getattr(r, field), 4) for field in fields}}
        for name, r in found.items()
    }
    better = sum(r.rho_model > r.rho_macs for r in found.values())
    return {"boards": boards, "n": sum(r.n for r in found.values()), **medians, "better_than_macs": better}


if __name__ == "__main__":
    main()

"""How fast is the design search? The authors' grid for ResNet-18, all designs priced, and the optimum of larger grids.

The authors' log says 1,283 s for this grid, on another machine and with the network's forward pass run for every
design; plain Python takes 0.29 s with shapes cached. The last line is one JSON object; times are warm, best of several.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

from coexplore.accelerators.fpga_devices import fpga_device
from coexplore.cost.fpga import AS_PUBLISHED
from coexplore.cost.fpga_layers import fpga_layers
from coexplore.cost.fpga_search import best_design, coarse_grid, fine_grid, published_grid, sweep
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.networks.resnet import resnet_18

DEVICE = fpga_device("zcu102")
PUBLISHED_OPTIMUM_MS = 12.245
"""At 100 MHz, with the memory not enforced."""


def best_of(runs: int, work: Callable[[], object]) -> float:
    """Least wall seconds of some runs, after one that compiles."""
    work()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def main() -> None:
    """Time the published grid, then exact optima of grids too large to price."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    layers = fpga_layers(resnet_18(), AS_PUBLISHED.shapes, convolutions_only=True)
    grid = published_grid(DEVICE)
    prices = sweep(layers, DEVICE, grid, AS_PUBLISHED)
    optimum_ms = float(prices.cycles.min()) / 1e5
    assert len(grid) == 5_184
    assert np.isfinite(prices.cycles).all()
    assert round(optimum_ms, 3) == PUBLISHED_OPTIMUM_MS
    wall_s = best_of(5 if options.quick else 20, lambda: sweep(layers, DEVICE, grid, AS_PUBLISHED))
    print(f"{len(grid)} designs of the published grid, every layer and resource: {1e3 * wall_s:.2f} ms")
    optima = {}
    for build in (resnet_18,) if options.quick else (resnet_18, mobilenet_v2):
        true = fpga_layers(build())
        for kind, grid_of in (("coarse", coarse_grid), ("fine", fine_grid)):
            searched = grid_of(true, DEVICE)
            seconds = best_of(2, lambda true=true, searched=searched: best_design(true, DEVICE, grid=searched))
            found = best_design(true, DEVICE, grid=searched)
            name = f"{build.__name__} {kind}"
            optima[name] = {"designs": len(searched), "wall_s": round(seconds, 4), "cycles": found.cycles}
            print(f"{name}: optimum of {len(searched)} designs in {1e3 * seconds:.1f} ms, {found.design}")
    result = {
        "designs": len(grid),
        "wall_s": round(wall_s, 5),
        "designs_per_s": round(len(grid) / wall_s),
        "optimum_ms": optimum_ms,
        "optima": optima,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

"""How long do a complete front and the exact removal of dominated accelerators take?

Tables stand in for priced ones: a roofline of random ops (compute cycles with rounding, traffic over bandwidth, fill)
on the edge array's 50,000 accelerators, energy of traffic, registers and leakage, area of parts. Only times and sizes
of sets are claimed, nothing of hardware. What is kept is checked against column-by-column comparison on a sample: every
dropped accelerator has a kept one that covers it, no kept one is covered by any other.

The last line is one JSON object; times are of the CPU, of one thread.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.front import pareto, undominated

Floats = NDArray[np.float64]
CHECKED = 200


def main() -> None:
    """Time both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused")
    parser.add_argument("--quick", action="store_true", help="31 ops, every tenth accelerator")
    options = parser.parse_args()
    ops, step = (31, 10) if options.quick else (444, 1)
    rng = np.random.default_rng(0)
    knobs = np.array([list(point.values()) for point in EdgeArray().space.enumerate()], np.float64)[::step].T
    latency, energy, area = tables(knobs, ops, rng)
    sphere = rng.random((3, len(area)))
    sphere /= np.linalg.norm(sphere, axis=0)
    for warm in (latency[:, :9], energy[:, :9]):
        undominated(warm, warm, area[:9])
        pareto(warm[0], warm[1], area[:9])
    kept, sift_s = timed(lambda: undominated(latency, energy, area))
    front, front_s = timed(lambda: pareto(latency.sum(axis=0), energy.sum(axis=0), area))
    worst, worst_s = timed(lambda: pareto(*sphere))
    assert len(worst) == len(area)
    result = {
        "ops": ops,
        "accelerators": len(area),
        "undominated": len(kept),
        "undominated_s": round(sift_s, 3),
        "front": len(front),
        "front_s": round(front_s, 4),
        "front_of_all_s": round(worst_s, 4),
        "checked": check(np.vstack([latency, energy, area[None]]), kept, rng),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(result))


def timed(function):
    """What a function returns, and its CPU seconds."""
    begin = time.process_time()
    return function(), time.process_time() - begin


def tables(knobs: Floats, ops: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Latency and energy (o, a), area (a,)."""
    x, y, simd, lanes, memory_mb, file_kb, gb_s = knobs
    area = x * y * (1.1 * memory_mb + lanes * (0.01 * file_kb**0.9 + simd * 0.0024) + 0.2) + 0.1 * gb_s
    latency, energy = (np.empty((ops, len(area))) for _ in range(2))
    for op in range(ops):
        K, C, P = (int(size) for size in 2 ** rng.uniform((3, 3, 2), (9, 9, 7)))
        window = int(rng.choice([1, 9, 25]))
        macs = K * P * P * window * (1 if rng.random() < 0.3 else C)
        over_x, over_y = rng.choice([K, C, P], 2)
        cycles = macs / 4 * rounded(over_x, x) * rounded(over_y, y) * rounded(K, simd) * rounded(P, lanes)
        weights = K * C * window
        passes = np.maximum(1, np.ceil(weights / (file_kb * 2048 * lanes * x * y)))
        data = weights * np.maximum(1, np.ceil(P * P * K / (4e6 * memory_mb * x * y))) + P * P * (C + K) * passes
        latency[op] = np.maximum(cycles / 0.8e9, data / (gb_s * 1e9)) + 1e-6 / gb_s
        energy[op] = macs * (0.3 + 0.02 * np.sqrt(file_kb)) * 1e-12 + data * 64e-12 + latency[op] * area * 1e-3
    return latency, energy, area


def rounded(size: int, parts: Floats) -> Floats:
    """Share of the steps that are left when a dimension is cut into parts, rounded up."""
    return np.ceil(size / parts) / size


def check(losses: Floats, kept: NDArray[np.int64], rng: np.random.Generator) -> int:
    """Compare some accelerators with all others, the slow way."""
    dropped = np.setdiff1d(np.arange(losses.shape[1]), kept)
    some_kept = rng.choice(kept, min(CHECKED, len(kept)), replace=False)
    some_dropped = rng.choice(dropped, min(CHECKED, len(dropped)), replace=False)
    for one in some_kept:
        covers = np.ones(losses.shape[1], np.bool_)
        for row in losses:
            covers &= row <= row[one]
        same = [other for other in np.flatnonzero(covers) if (losses[:, other] == losses[:, one]).all()]
        assert len(same) == covers.sum()
        assert same[0] == one
    for one in some_dropped:
        covers = np.ones(len(kept), np.bool_)
        for row in losses:
            covers &= row[kept] <= row[one]
        assert covers.any()
    return len(some_kept) + len(some_dropped)


if __name__ == "__main__":
    main()

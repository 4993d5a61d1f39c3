"""Does joint search beat the alternatives on the quickstart? Fixed hardware, phase and joint at equal training budget.

Every mode trains the same number of trials on digits, with the same objectives and area limit, over several seeds:

* fixed-hardware: the baseline accelerator, networks searched;
* phase: first the accelerator with the best reward for the middle network, then networks for it;
* joint: both at once.

Hypervolume is that of (1 - accuracy, log10 latency, log10 energy) up to a common reference point, the worst seen in any
run; energy at equal accuracy is the least energy of a design at least as accurate as a level. Accuracies are validation
accuracies, as the searches saw them. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from coexplore import StudyConfig, StudyResult, hypervolume, load_config, run_study

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "quickstart.yaml"
LEVELS = (0.95, 0.97, 0.98, 0.99)
PRICED_DESIGNS = 60
"""Accelerators tried in the first phase; they cost one training together."""


def study(mode: str, trials: int, seed: int) -> StudyConfig:
    """The quickstart in one of its modes. The designs of the first phase share one network, so they train one."""
    document = load_config(EXAMPLE, []).document()
    document |= {"name": f"{mode}-{seed}", "seed": seed, "budget": {"trials": trials}}
    if mode == "fixed-hardware":
        document["accelerator"] = {"fixed": "edge-array/baseline"}
    if mode == "phase":
        document["phases"] = {"accelerator_trials": PRICED_DESIGNS}
        document["budget"] = {"trials": PRICED_DESIGNS + trials}
    return StudyConfig.model_validate_json(json.dumps(document))


def losses(result: StudyResult) -> np.ndarray:
    """(n, 3) losses of the front."""
    rows = [(1 - t.metrics["accuracy"], math.log10(t.metrics["latency_s"]), math.log10(t.metrics["energy_j"]))
            for t in result.front]  # fmt: skip
    return np.array(rows).reshape(-1, 3)


def least_energy(result: StudyResult, level: float) -> float | None:
    """Least energy of a design at least as accurate as a level, None when there is none."""
    energies = [t.metrics["energy_j"] for t in result.front if t.metrics["accuracy"] >= level]
    return min(energies, default=None)


def main() -> None:
    """Run all modes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused: digits are embedded")
    parser.add_argument("--quick", action="store_true", help="one seed, few trials")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    trials, seeds = (4, 1) if options.quick else (options.trials, options.seeds)
    begin = time.perf_counter()
    results: dict[str, list[StudyResult]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for mode in ("fixed-hardware", "phase", "joint"):
            for seed in range(seeds):
                config = study(mode, trials, seed)
                results.setdefault(mode, []).append(run_study(config, Path(folder) / config.name, options.workers))
                print(
                    f"{config.name}: {len(results[mode][-1].front)} designs, {time.perf_counter() - begin:.0f} s",
                    flush=True,
                )
    report(results, trials, time.perf_counter() - begin)


def report(results: dict[str, list[StudyResult]], trials: int, wall_s: float) -> None:
    """The table and its JSON."""
    worst = np.max(np.concatenate([losses(r) for runs in results.values() for r in runs]), axis=0) + 1e-9
    table = {}
    for mode, runs in results.items():
        volumes = [hypervolume(losses(run), worst) for run in runs]
        at_level = {}
        for level in LEVELS:
            found = [e for run in runs if (e := least_energy(run, level)) is not None]
            at_level[str(level)] = {
                "reached": len(found),
                "median_energy_j": statistics.median(found) if found else None,
            }
        table[mode] = {
            "hypervolume_median": statistics.median(volumes),
            "hypervolume": volumes,
            "energy_at_accuracy": at_level,
            "trained_networks": [run.trained_networks for run in runs],
        }
        energies = "  ".join(
            f"{level}: " + ("-" if entry["median_energy_j"] is None else f"{entry['median_energy_j'] * 1e6:.2f} uJ")
            + f" ({entry['reached']}/{len(runs)})" for level, entry in at_level.items()
        )  # fmt: skip
        print(f"{mode:15s} hypervolume {table[mode]['hypervolume_median']:.4f}   energy at accuracy {energies}")
    print(json.dumps({"trials": trials, "seeds": len(results["joint"]), "wall_s": round(wall_s, 1), "modes": table}))


if __name__ == "__main__":
    main()

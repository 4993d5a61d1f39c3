"""What does a study cost beside its evaluations? CPU time of the driver per trial, by strategy.

Toys take the place of pricing and training. The last line is one JSON object: milliseconds per trial near the start and
near the end of a study, and bytes of the checkpoint at the end.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from coexplore.strategies.settings import make_settings
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.study import Event, run_problem
from coexplore.testing.toy import ToyNetworks, toy_config, toy_problem

STRATEGIES = ("random", "evolution", "nsga2", "reinforce", "two-level")
WINDOW = 50
"""Trials that are averaged over."""


def main() -> None:
    """Run one study per strategy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused")
    parser.add_argument("--quick", action="store_true")
    trials = 200 if parser.parse_args().quick else 1000
    result = {name: measure(name, trials) for name in STRATEGIES}
    print(json.dumps({"trials": trials, "strategies": result}))


def measure(name: str, trials: int) -> dict[str, float]:
    """CPU milliseconds per trial, early and late."""
    problem = toy_problem(make_settings(name, {}), accuracy=None, constraints=())
    large = replace(problem.designs, network_family=ToyNetworks(widths=tuple(range(1, 60))))
    cpu_s: dict[int, float] = {}

    def note(event: Event) -> None:
        cpu_s[event.trials_done] = time.process_time()

    with tempfile.TemporaryDirectory() as folder:
        run_problem(replace(problem, designs=large), toy_config(trials), Path(folder), 0, note)
        checkpoint_bytes = StudyDirectory(Path(folder)).checkpoint.stat().st_size
    late = (cpu_s[trials] - cpu_s[trials - WINDOW]) / WINDOW
    early = (cpu_s[2 * WINDOW] - cpu_s[WINDOW]) / WINDOW
    return {
        "early_ms": round(1e3 * early, 2),
        "late_ms": round(1e3 * late, 2),
        "checkpoint_bytes": checkpoint_bytes,
    }


if __name__ == "__main__":
    main()

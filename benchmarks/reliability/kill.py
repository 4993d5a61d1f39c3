"""Does a real study survive kill -9? The quickstart, killed at random instants and resumed, against an undisturbed run.

The driver and its workers are started by the command line, killed with SIGKILL after a random time, started again,
and at the end left to finish. Trials (number, point, state, metrics) and front must equal those of the undisturbed
run. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from coexplore import StudyResult, open_study

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "quickstart.yaml"


def start(directory: Path, trials: int, workers: int) -> subprocess.Popen[bytes]:
    """The command, its output discarded."""
    command = [sys.executable, "-m", "coexplore", "run", str(EXAMPLE), "--directory", str(directory)]
    command += ["--set", f"budget.trials={trials}", "--workers", str(workers), "--json"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def content(result: StudyResult) -> tuple[object, ...]:
    """What must not depend on being killed."""
    return (result.state, result.trials, result.front, result.trained_networks, result.screened)


def main() -> None:
    """Kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused: digits are embedded")
    parser.add_argument("--quick", action="store_true", help="few kills")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    kills, trials = (3, 5) if options.quick else (options.kills, options.trials)
    rng, begin, landed = random.Random(options.seed), time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = Path(folder) / "whole", Path(folder) / "broken"
        assert start(whole, trials, options.workers).wait() == 0
        for _ in range(kills):
            driver = start(broken, trials, options.workers)
            time.sleep(rng.uniform(0.5, 12.0))
            landed += driver.poll() is None
            driver.kill()
            driver.wait()
        assert start(broken, trials, options.workers).wait() == 0
        equal = content(open_study(whole)) == content(open_study(broken))
    wall_s = round(time.perf_counter() - begin, 1)
    print(json.dumps({"kills": kills, "landed": landed, "trials": trials, "equal": equal, "wall_s": wall_s}))
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()

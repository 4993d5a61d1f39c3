"""Is anything lost when a study is killed? A real one, killed at random instants and resumed until it is finished.

A small joint search on digits is run once undisturbed and once under kill -9 of its driver, each time resumed. Trials
(number, point, state, values, metrics, curve), front, cache keys and weights must be equal, and the
workers must end with their driver. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coexplore.studies.directory import StudyDirectory
from coexplore.studies.study import StudyResult, open_study

STUDY = {
    "name": "kill-resume",
    "task": {"dataset": "digits", "limit": 300},
    "network": {"family": "inverted-bottleneck"},
    "accelerator": {"family": "edge-array"},
    "objectives": [{"maximize": "accuracy"}, {"minimize": "latency_s"}, {"minimize": "energy_j"}],
    "constraints": [{"metric": "area_mm2", "at_most": 60}],
    "strategy": {"name": "two-level", "controller": "evolution", "settings": {"population": 6, "tournament": 2}},
    "training": {"epochs": 4, "halving": {"first_epochs": 1}},
}
DRIVER = """
import json, sys
from pathlib import Path
from coexplore.studies.config import parse_config
from coexplore.studies.study import run_study
if __name__ == "__main__":
    run_study(parse_config(json.loads(sys.argv[1])), Path(sys.argv[2]), workers=int(sys.argv[3]))
"""


LONGEST_S = 6.0
"""Longest time a driver is let live: the start of driver and workers takes some of it."""


def main() -> None:
    """Run, kill, compare, until enough kills have landed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused: digits are embedded")
    parser.add_argument("--quick", action="store_true", help="5 kills of a short study")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    kills, trials = (5, 10) if options.quick else (options.kills, options.trials)
    rng, victims = random.Random(options.seed), list[Victim]()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "driver.py"
        script.write_text(DRIVER)
        study = json.dumps({**STUDY, "budget": {"trials": trials}})
        begin = time.perf_counter()
        start(script, study, Path(folder) / "whole", workers=1).wait()
        whole_s, expected = time.perf_counter() - begin, trace(open_study(Path(folder) / "whole"))
        while sum(victim.kills for victim in victims) < kills:
            victim = Victim(Path(folder) / f"killed{len(victims)}")
            victim.run_to_the_end(script, study, rng, kills - sum(victim.kills for victim in victims))
            victims.append(victim)
        equal = sum(trace(open_study(victim.directory)) == expected for victim in victims)
    result = {
        "studies": len(victims),
        "equal": equal,
        "kills": sum(victim.kills for victim in victims),
        "trials_running_when_killed": sum(victim.running for victim in victims),
        "longest_life_of_an_orphan_s": round(max(victim.orphans_s for victim in victims), 2),
        "trials": trials,
        "undisturbed_s": round(whole_s, 1),
    }
    print(json.dumps(result))
    if equal < len(victims):
        raise SystemExit("a killed study differs from the undisturbed one")


@dataclass
class Victim:
    """A study that is killed."""

    directory: Path
    kills: int = 0
    running: int = 0
    orphans_s: float = 0.0

    def run_to_the_end(self, script: Path, study: str, rng: random.Random, kills: int) -> None:
        """Kill at most so often, at random instants, and resume each time."""
        while True:
            driver = start(script, study, self.directory, workers=2)
            try:
                driver.wait(rng.uniform(0.3, LONGEST_S) if self.kills < kills else None)
                return
            except subprocess.TimeoutExpired:
                driver.kill()
            self.kills += driver.wait() == -signal.SIGKILL
            self.orphans_s = max(self.orphans_s, wait_until_gone(driver.pid))
            self.running += running(self.directory)


def start(script: Path, study: str, directory: Path, workers: int) -> subprocess.Popen[bytes]:
    """A driver in a session of its own."""
    return subprocess.Popen([sys.executable, str(script), study, str(directory), str(workers)], start_new_session=True)


def wait_until_gone(leader: int, limit_s: float = 10.0) -> float:
    """Seconds until the last worker of a killed driver has ended."""
    begin = time.perf_counter()
    while session(leader):
        if time.perf_counter() - begin > limit_s:
            raise SystemExit(f"workers outlive their driver by more than {limit_s} s")
        time.sleep(0.01)
    return time.perf_counter() - begin


def session(leader: int) -> list[int]:
    """Living processes of the session of a driver."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, belongs_to = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(belongs_to) == leader and state != "Z":
                found.append(int(entry.name))
    return found


def running(directory: Path) -> int:
    """Trials under way in a killed study, 0 where it had not begun."""
    if not StudyDirectory(directory).study.exists():
        return 0
    return sum(trial.state.value == "running" for trial in open_study(directory).trials)


def trace(result: StudyResult) -> tuple[object, ...]:
    """All that must be equal."""
    files = StudyDirectory(result.directory)
    weights = {}
    for path in sorted(files.networks.glob("*")):
        with np.load(path, allow_pickle=False) as arrays:
            weights[path.name] = {name: arrays[name].tobytes() for name in arrays.files}
    with sqlite3.connect(files.cache) as database:
        cached = sorted(database.execute("SELECT key FROM evaluations"))
    return (result.state, result.trials, result.front, result.trained_networks, result.screened, cached, weights)


if __name__ == "__main__":
    main()

"""kill -9 and Ctrl-C for real: drivers in processes of their own."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from study_traces import trace
from toy_driver import STRATEGY

from coexplore.core.errors import StoreError
from coexplore.studies.study import run_problem
from coexplore.testing.toy import ToyAccuracy, toy_config, toy_problem

DRIVER = Path(__file__).with_name("toy_driver.py")
SECONDS = 0.004
"""Of one epoch; part of what a toy accuracy is, so it is the same in all runs that are compared."""


def start(directory: Path, workers: int, trials: int, seconds: float = SECONDS) -> subprocess.Popen[str]:
    arguments = [str(directory), str(workers), str(trials), str(seconds)]
    # Its own group, as a shell gives each command, so that Ctrl-C can be sent to all of it.
    driver = subprocess.Popen(
        [sys.executable, str(DRIVER), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert driver.stdout is not None
    assert driver.stdout.readline() == "started\n"
    return driver


def whole(directory: Path, trials: int) -> dict[str, object]:
    problem = toy_problem(STRATEGY, accuracy=ToyAccuracy(seconds=SECONDS))
    run_problem(problem, toy_config(trials), directory, workers=0)
    return trace(directory)


def descendants(driver: int) -> list[int]:
    """Processes of the session of a driver that are alive."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(session) == driver and state != "Z":
                found.append(int(entry.name))
    return found


def wait_until_gone(driver: int, seconds: float = 10.0) -> list[int]:
    end = time.monotonic() + seconds
    while (left := descendants(driver)) and time.monotonic() < end:
        time.sleep(0.02)
    return left


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "kills", "trials"), [(0, 20, 120), (2, 6, 120)])
def test_killed_at_random_instants_a_study_ends_as_if_it_had_not_been(
    workers: int, kills: int, trials: int, tmp_path: Path
) -> None:
    rng = random.Random(workers)
    directory = tmp_path / "killed"
    for _ in range(kills):
        driver = start(directory, workers, trials)
        assert driver.stdout is not None
        for _ in range(rng.randrange(trials // kills)):
            assert driver.stdout.readline() == "trial\n"
        time.sleep(rng.uniform(0.0, 3 * SECONDS))
        driver.kill()
        assert driver.wait() == -signal.SIGKILL
        driver.stdout.close()
        assert not wait_until_gone(driver.pid)
    problem = toy_problem(STRATEGY, accuracy=ToyAccuracy(seconds=SECONDS))
    result = run_problem(problem, toy_config(trials), directory, workers=workers)
    assert len(result.trials) == trials
    assert trace(directory) == whole(tmp_path / "whole", trials)


def test_a_second_driver_is_refused_and_the_lock_dies_with_the_first(tmp_path: Path) -> None:
    driver = start(tmp_path, workers=0, trials=200, seconds=0.05)
    problem = toy_problem(STRATEGY, accuracy=ToyAccuracy(seconds=0.05))
    with pytest.raises(StoreError, match=f"another run is at work.*process {driver.pid}"):
        run_problem(problem, toy_config(200), tmp_path, workers=0)
    driver.kill()
    driver.communicate()
    with pytest.raises(StoreError, match="another study"):
        run_problem(toy_problem(), toy_config(200), tmp_path, workers=0)


def test_interrupted_the_driver_says_how_to_go_on_and_leaves_no_worker(tmp_path: Path) -> None:
    driver = start(tmp_path, workers=2, trials=200, seconds=0.05)
    time.sleep(1.5)
    os.killpg(driver.pid, signal.SIGINT)
    told, _ = driver.communicate(timeout=20)
    assert driver.returncode == 0
    assert "again to go on" in told
    assert "Traceback" not in told
    assert not wait_until_gone(driver.pid)

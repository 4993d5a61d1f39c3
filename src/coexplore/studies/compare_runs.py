"""How do several contenders get the same? Runs of each with many seeds, until all have the trials or the time asked.

Every run is a study in a directory of its own, so a stopped comparison goes on where it was, and one that is asked for
more seeds, more evaluations or more time keeps what it has: the first trials of a study do not depend on its budget.

Contenders take turns within a seed, and begin in another order with each seed, so that what one leaves in the caches of
the process helps none more than another.

References:
    Sakhuja2023: C. Sakhuja, Z. Shi, C. Lin, Spotlight, its public code: trials of faster optimisers are scaled by the
        measured seconds of one.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coexplore.core.errors import ConfigError
from coexplore.studies.config import resolve
from coexplore.studies.directory import StudyDirectory, read_manifest
from coexplore.studies.phases import phase_folders
from coexplore.studies.schema import BudgetConfig, StudyConfig
from coexplore.studies.study import StudyResult, StudyState, open_study, run_study
from coexplore.studies.trial import TrialRecord, TrialState

FIRST_EVALUATIONS = 8
"""Evaluations of every run before it is known how long one takes, where only a time was asked for."""
ENDED = (StudyState.FINISHED, StudyState.INFEASIBLE)


@dataclass(frozen=True, slots=True)
class Contender:
    """A study under a name; its seed and its budget, but for `patience`, are those of the comparison."""

    name: str
    config: StudyConfig

    @property
    def folder(self) -> str:
        """The name as that of a folder."""
        return re.sub(r"[^\w.,=+-]+", "_", self.name).strip(".") or "_"


@dataclass(frozen=True, slots=True)
class Terms:
    """What every contender gets.

    Raises:
        ConfigError: a number is out of range, or nothing is given.
    """

    evaluations: int | None = None
    """Trials of every run; None where only a time is asked for."""
    seconds: float | None = None
    """Wall time of every run, of the study itself without loading data; None: what the fastest contender needs for its
    evaluations."""
    seeds: int = 10
    """Runs of every contender; their seeds count up from that of its study."""

    def __post_init__(self) -> None:
        if self.evaluations is None and self.seconds is None:
            raise ConfigError("evaluations: is missing, and so is seconds; give one of them or both")
        for name, value in (("evaluations", self.evaluations), ("seeds", self.seeds)):
            if value is not None and value < 1:
                raise ConfigError(f"{name}: is {value}; give a whole number of at least 1")
        if self.seconds is not None and not (math.isfinite(self.seconds) and self.seconds > 0):
            raise ConfigError(f"seconds: is {self.seconds}; give the seconds of a run, above 0")


@dataclass(frozen=True, slots=True)
class Run:
    """One contender with one seed."""

    contender: str
    seed: int
    trials: tuple[TrialRecord, ...]
    """All that were evaluated, in order; of phases those of the first, then those of the second."""
    screened: int
    """Designs that were priced without becoming trials."""
    seconds: float
    """Wall time of the study over all its runs."""
    ended: bool
    """It would suggest nothing more, or gave up, however much it may spend."""
    directory: Path

    @property
    def seconds_per_trial(self) -> float:
        """Infinite where nothing was evaluated."""
        return self.seconds / len(self.trials) if self.trials else math.inf

    @property
    def screened_per_trial(self) -> float:
        """Designs that were only priced, for each trial."""
        return self.screened / max(len(self.trials), 1)


OnRun = Callable[[Run], None]


def run_all(
    contenders: Sequence[Contender], terms: Terms, directory: Path, workers: int, on_run: OnRun, data_root: Path | None
) -> tuple[Run, ...]:
    """Run every contender with every seed until each has the evaluations and the time of the terms.

    Raises:
        CoexploreError: a study is not legal or cannot be run.
        KeyboardInterrupt: stopped; the finished part is kept.
    """
    wanted = {contender.name: terms.evaluations or FIRST_EVALUATIONS for contender in contenders}
    runs: dict[tuple[str, int], Run] = {}
    while True:
        for seed in range(terms.seeds):
            for contender in _turns(contenders, seed):
                key = (contender.name, seed)
                if key not in runs or _wants_more(runs[key], wanted[contender.name]):
                    runs[key] = run_one(contender, seed, wanted[contender.name], directory, workers, data_root)
                    on_run(runs[key])
        grown = {name: _grown(_of(name, runs), n, terms.seconds) for name, n in wanted.items()}
        if grown == wanted:
            return tuple(runs[contender.name, seed] for contender in contenders for seed in range(terms.seeds))
        wanted = grown


def _turns(contenders: Sequence[Contender], seed: int) -> list[Contender]:
    first = seed % len(contenders)
    return [*contenders[first:], *contenders[:first]]


def _of(name: str, runs: dict[tuple[str, int], Run]) -> list[Run]:
    return [run for (contender, _), run in runs.items() if contender == name]


def _wants_more(run: Run, evaluations: int) -> bool:
    return not run.ended and len(run.trials) < evaluations


def _grown(runs: Sequence[Run], evaluations: int, seconds: float | None) -> int:
    """Trials that come nearer to the time: at most twice as many, since one may take longer the more there were."""
    if seconds is None or all(run.ended for run in runs):
        return evaluations
    per_trial = typical_seconds(runs)
    if evaluations * per_trial >= seconds:
        return evaluations
    return max(evaluations + 1, min(2 * evaluations, math.ceil(seconds / per_trial)))


def typical_seconds(runs: Sequence[Run]) -> float:
    """Wall seconds of one trial: the median over the runs of a contender."""
    return statistics.median(run.seconds_per_trial for run in runs)


def typical_screened(runs: Sequence[Run]) -> float:
    """Designs that were only priced for each trial: the median over the runs of a contender."""
    return statistics.median(run.screened_per_trial for run in runs)


def run_one(
    contender: Contender, seed: int, evaluations: int, directory: Path, workers: int, data_root: Path | None
) -> Run:
    """Run one study of a comparison, or go on with it; one that is longer already stays as it is."""
    config = contender.config
    folder = directory / contender.folder / f"seed-{config.seed + seed}"
    if config.phases is not None:  # their budget is divided between two studies, so it cannot grow
        folder = folder.with_name(f"{folder.name}-of-{evaluations}")
    patience = config.budget.patience
    if StudyDirectory(folder).study.exists():
        begun = open_study(folder).config.budget
        evaluations, patience = max(evaluations, begun.trials), max(patience, begun.patience)
    budget = BudgetConfig(trials=evaluations, patience=patience)
    changed = config.model_copy(update={"seed": config.seed + seed, "budget": budget})
    result = _finished(changed, folder, data_root) or run_study(changed, folder, workers, data_root=data_root)
    trials = _evaluated(result, folder)
    ended = result.state in ENDED and len(trials) < evaluations
    return Run(contender.name, changed.seed, trials, result.screened, result.seconds, ended, folder)


def _finished(config: StudyConfig, folder: Path, data_root: Path | None) -> StudyResult | None:
    """A study that has nothing left to do, its clock untouched; None where `run_study` has to see to it."""
    manifest = read_manifest(StudyDirectory(folder))
    if manifest is None or manifest.fingerprint != resolve(config, data_root).problem.fingerprint:
        return None
    result = open_study(folder)
    spent = result.config.budget == config.budget
    return result if spent and result.state in ENDED else None


def _evaluated(result: StudyResult, folder: Path) -> tuple[TrialRecord, ...]:
    """All trials of a study that ended, those of the first phase first."""
    phases = result.config.phases
    parts = [result] if phases is None else [open_study(f) for f in phase_folders(folder, phases) if f.exists()]
    return tuple(trial for part in parts for trial in part.trials if trial.state is not TrialState.RUNNING)

"""Which strategy is better on a study? All of them at equal evaluations and at equal wall time, with many seeds.

    compared = compare(contenders(load_config(path), ["random", "evolution"]), Terms(evaluations=50), directory)

An evaluation is a trial: what a study pays accuracy for. Designs that are only priced are free beside a training; how
many there were is told. In a study that trains nothing they are evaluations like any other, so a contender that prices
some on the side has fewer trials, by how many it priced for each. At equal time a contender has as many trials as fit
at its own measured seconds per trial (Sakhuja2023), so a slow strategy gets fewer. By default the time is what the
fastest contender needs for the trials asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coexplore.objectives.objective import Objective
from coexplore.studies.compare_entry import check_entry, contenders
from coexplore.studies.compare_runs import (
    Contender,
    OnRun,
    Run,
    Terms,
    run_all,
    run_one,
    typical_screened,
    typical_seconds,
)
from coexplore.studies.compare_statistics import MedianInterval, Versus, all_pairs, check_scipy, median_interval
from coexplore.studies.compare_values import Trace, default_measure, make_measure

__all__ = ["Comparison", "Contender", "Proven", "Run", "Standing", "Terms", "compare", "contenders"]

ROUNDING = 1e-9
"""Of a trial: a time that is a whole number of trials holds that number."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One contender at the end of what it may spend."""

    contender: str
    trials: int
    """What every run of it may spend; a run that had nothing more to suggest has fewer."""
    losses: tuple[float, ...]
    """Best of every run, by seed; +inf where it found nothing feasible."""
    median: MedianInterval
    found: int
    """Runs that found something feasible."""


@dataclass(frozen=True, slots=True)
class Table:
    """All contenders, and every pair of them."""

    standings: tuple[Standing, ...]
    pairs: tuple[Versus, ...]
    """Empty where there is one run of each."""


@dataclass(frozen=True, slots=True)
class Proven:
    """The truth that searches are measured against."""

    run: Run
    """Of the strategy that prices everything; what it priced is `screened`."""
    loss: float
    """The least there is; +inf where nothing is feasible."""


@dataclass(frozen=True)
class Comparison:
    """What came out. Losses are smaller when better; `coexplore.studies.compare_values.value_of` turns them back."""

    name: str
    by: str
    """What runs are judged by: a metric, `hypervolume` or `reward`."""
    objectives: tuple[Objective, ...]
    runs: tuple[Run, ...]
    """By contender, then by seed."""
    traces: tuple[Trace, ...]
    """Best loss after each trial, of each run."""
    equal_evaluations: Table
    equal_time: Table
    seconds: float
    """Of every run, at equal time."""
    trains: bool
    """Whether accuracy is asked for; without it prices are the evaluations."""
    proven: Proven | None
    """Where a contender prices the whole space."""
    directory: Path

    @property
    def contenders(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(standing.contender for standing in self.equal_evaluations.standings)

    def runs_of(self, contender: str) -> tuple[Run, ...]:
        """The runs of one contender, by seed."""
        return tuple(run for run in self.runs if run.contender == contender)

    def losses_after(self, contender: str, trials: int) -> tuple[float, ...]:
        """Best loss of each run of a contender after so many trials; of a shorter run at its end."""
        return tuple(
            loss_after(trace, trials)
            for run, trace in zip(self.runs, self.traces, strict=True)
            if run.contender == contender
        )


def compare(
    entered: Sequence[Contender],
    terms: Terms,
    directory: Path,
    by: str | None = None,
    workers: int = 0,
    on_run: OnRun = lambda run: None,
    data_root: Path | None = None,
) -> Comparison:
    """Run all contenders under equal terms, or go on with that, and compare what they found.

    Args:
        entered: at least two, with different names; from `contenders`, or studies of your own that measure the same.
            One of them may price the whole space (strategy `exact`): it is run once, and is the optimum.
        terms: what every one gets.
        directory: every run becomes a study in `<contender>/seed-<n>` below it; runs that are there already are kept.
        by: the metric to judge by, `hypervolume` (of all objectives; the scale is the range found in all runs) or
            `reward`. None takes the metric where there is one objective, else the hypervolume.
        workers: as for `run_study`, within each run; runs follow one another, so that their times can be compared.
        on_run: hears of every run that has ended.
        data_root: folder that relative paths of data start from.

    Raises:
        ConfigError: a study or the measure is not legal, or the contenders cannot be compared.
        MissingExtraError: scipy is not installed, or what a search needs.
        StoreError: the directory cannot be used, or holds runs of another study under these names.
        KeyboardInterrupt: stopped; nothing is lost, the same call goes on.
    """
    check_scipy()
    entry = check_entry(entered, terms, by, data_root)
    by = by or default_measure(entry.objectives)
    whole = None if entry.exact is None else run_one(entry.exact, 0, 1, directory, workers, data_root)
    runs = run_all(entry.searches, terms, directory, workers, on_run, data_root)
    seen = [run.trials for run in (*runs, *([whole] if whole else []))]
    measure = make_measure(by, entry.objectives, entry.reward, seen)
    traces = tuple(measure.trace(run.trials) for run in runs)
    names = [contender.name for contender in entry.searches]
    by_name = {name: [run for run in runs if run.contender == name] for name in names}
    rates = {name: typical_seconds(own) for name, own in by_name.items()}
    least = min(max(len(run.trials) for run in own) for own in by_name.values())
    evaluations = least if terms.evaluations is None else terms.evaluations
    each = {name: 1.0 if entry.trains else 1.0 + typical_screened(own) for name, own in by_name.items()}
    seconds = min(evaluations * rate for rate in rates.values()) if terms.seconds is None else terms.seconds
    found = [(name, [t for r, t in zip(runs, traces, strict=True) if r.contender == name]) for name in names]
    return Comparison(
        entered[0].config.name,
        by,
        entry.objectives,
        runs,
        traces,
        _table([(name, int(evaluations / each[name] + ROUNDING), own) for name, own in found]),
        _table([(name, int(seconds / rates[name] + ROUNDING), own) for name, own in found]),
        seconds,
        entry.trains,
        None if whole is None else Proven(whole, loss_after(measure.trace(whole.trials), len(whole.trials))),
        directory,
    )


def _table(spent: Sequence[tuple[str, int, Sequence[Trace]]]) -> Table:
    standings = []
    for name, trials, traces in spent:
        losses = tuple(loss_after(trace, trials) for trace in traces)
        feasible = sum(bool(np.isfinite(loss)) for loss in losses)
        standings.append(Standing(name, trials, losses, median_interval(losses), feasible))
    return Table(tuple(standings), all_pairs([(standing.contender, standing.losses) for standing in standings]))


def loss_after(trace: Trace, trials: int) -> float:
    """Best loss of a run after so many trials; +inf before the first."""
    return float(trace[min(trials, len(trace)) - 1]) if trials and len(trace) else float("inf")

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

from coexplore.core.errors import ConfigError
from coexplore.objectives.metrics import METRICS, Source
from coexplore.objectives.objective import Objective
from coexplore.objectives.reward import Reward
from coexplore.studies.compare_runs import (
    Contender,
    OnRun,
    Run,
    Terms,
    run_all,
    typical_screened,
    typical_seconds,
)
from coexplore.studies.compare_statistics import MedianInterval, Versus, all_pairs, check_scipy, median_interval
from coexplore.studies.compare_values import (
    HYPERVOLUME,
    REWARD,
    Trace,
    check_measure,
    default_measure,
    make_measure,
)
from coexplore.studies.config import EXACT, build_objectives, resolve
from coexplore.studies.schema import StudyConfig, parse_config
from coexplore.studies.yaml_file import apply_overrides

__all__ = ["Comparison", "Contender", "Run", "Standing", "Terms", "compare", "contenders"]

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


def contenders(config: StudyConfig, strategies: Sequence[str]) -> tuple[Contender, ...]:
    """One study with several strategies.

    Args:
        config: the study.
        strategies: each a name, with settings where they differ from the default: `two-level,controller=evolution`.
            Values are YAML. Without any, the study itself is the only contender.

    Raises:
        ConfigError: an unknown setting of the study's strategy section is found when it is run.
    """
    if not strategies:
        return (Contender(config.name, config),)
    return tuple(Contender(text, _with_strategy(config, text)) for text in strategies)


def _with_strategy(config: StudyConfig, text: str) -> StudyConfig:
    name, *settings = split_settings(text)
    if not name or not all("=" in setting for setting in settings):
        raise ConfigError(
            f"strategy: is {text!r}; write NAME or NAME,SETTING=VALUE, such as two-level,controller=nsga2"
        )
    document = {**config.document(), "strategy": {"name": name}}
    return parse_config(apply_overrides(document, [f"strategy.{setting}" for setting in settings]))


def split_settings(text: str) -> list[str]:
    """The parts between the commas that stand in no bracket."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


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
        terms: what every one gets.
        directory: every run becomes a study in `<contender>/seed-<n>` below it; runs that are there already are kept.
        by: the metric to judge by, `hypervolume` (of all objectives; the scale is the range found in all runs) or
            `reward`. None takes the metric where there is one objective, else the hypervolume.
        workers: as for `run_study`, within each run; runs follow one another, so that their times can be compared.
        on_run: hears of every run that has ended.
        data_root: folder that relative paths of data start from.

    Raises:
        ConfigError: a study or the measure is not legal, or the contenders cannot be compared.
        MissingExtraError: scipy is not installed.
        StoreError: the directory cannot be used, or holds runs of another study under these names.
        KeyboardInterrupt: stopped; nothing is lost, the same call goes on.
    """
    check_scipy()
    objectives, reward, trains = _checked(entered, terms, by, data_root)
    by = by or default_measure(objectives)
    runs = run_all(entered, terms, directory, workers, on_run, data_root)
    measure = make_measure(by, objectives, reward, [run.trials for run in runs])
    traces = tuple(measure.trace(run.trials) for run in runs)
    names = [contender.name for contender in entered]
    by_name = {name: [run for run in runs if run.contender == name] for name in names}
    rates = {name: typical_seconds(own) for name, own in by_name.items()}
    least = min(max(len(run.trials) for run in own) for own in by_name.values())
    evaluations = least if terms.evaluations is None else terms.evaluations
    each = {name: 1.0 if trains else 1.0 + typical_screened(own) for name, own in by_name.items()}
    seconds = min(evaluations * rate for rate in rates.values()) if terms.seconds is None else terms.seconds
    found = [(name, [t for r, t in zip(runs, traces, strict=True) if r.contender == name]) for name in names]
    return Comparison(
        entered[0].config.name,
        by,
        objectives,
        runs,
        traces,
        _table([(name, int(evaluations / each[name] + ROUNDING), own) for name, own in found]),
        _table([(name, int(seconds / rates[name] + ROUNDING), own) for name, own in found]),
        seconds,
        trains,
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


def _checked(
    entered: Sequence[Contender], terms: Terms, by: str | None, data_root: Path | None
) -> tuple[tuple[Objective, ...], Reward, bool]:
    """Objectives and reward of the first contender and whether any trains, after a look at all that can be wrong."""
    if by is not None:
        check_measure(by)
    if len(entered) < 2:
        raise ConfigError(f"strategy: {len(entered)} to compare; give at least two, such as random and evolution")
    folders = [contender.folder for contender in entered]
    for contender in entered:
        if folders.count(contender.folder) > 1:
            raise ConfigError(
                f"strategy: {contender.name!r} stands there twice; give every contender a name of its own"
            )
        if contender.config.phases is not None and terms.seconds is not None:
            raise ConfigError(
                f"seconds: {contender.name!r} divides its budget between two phases beforehand, so it cannot go on "
                "until a time is spent; give evaluations instead"
            )
    first, *others = [build_objectives(contender.config) for contender in entered]
    for contender, objectives in zip(entered[1:], others, strict=True):
        if objectives != first and by in (None, HYPERVOLUME, REWARD):
            raise ConfigError(f"by: the objectives of {contender.name!r} are others; name a metric that all measure")
    resolved = [resolve(contender.config, data_root) for contender in entered]
    for contender, each in zip(entered, resolved, strict=True):
        if each.config.strategy.name == EXACT:
            raise ConfigError(
                f"strategy: {contender.name!r} prices the whole space, whatever the budget, so it is no search to "
                "compare; `coexplore run` gives its proven front"
            )
    trains = any(each.problem.accuracy is not None for each in resolved)
    if by is not None and by in METRICS and METRICS.get(by).source is Source.ACCURACY and not trains:
        raise ConfigError(f"by: {by} is not measured, because nothing in the study asks for it; name another metric")
    return first, resolved[0].problem.reward, trains

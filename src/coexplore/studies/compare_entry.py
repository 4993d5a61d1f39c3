"""Who takes part in a comparison, and may they? Strategies of one study, or several studies, checked beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coexplore.core.errors import ConfigError
from coexplore.objectives.metrics import METRICS, Source
from coexplore.objectives.objective import Objective
from coexplore.objectives.reward import Reward
from coexplore.studies.compare_runs import Contender, Terms
from coexplore.studies.compare_values import HYPERVOLUME, REWARD, check_measure
from coexplore.studies.config import EXACT, build_objectives, resolve
from coexplore.studies.evaluation import Evaluation
from coexplore.studies.problem import Problem
from coexplore.studies.schema import StudyConfig, parse_config
from coexplore.studies.trial import SCREENED
from coexplore.studies.yaml_file import apply_overrides


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


@dataclass(frozen=True, slots=True)
class Entry:
    """Contenders that can be compared."""

    searches: tuple[Contender, ...]
    exact: Contender | None
    """The one that prices the whole space, where there is one."""
    objectives: tuple[Objective, ...]
    """Of the first of all."""
    reward: Reward
    """Likewise."""
    trains: bool
    """Whether any is asked for accuracy."""


def check_entry(entered: Sequence[Contender], terms: Terms, by: str | None, data_root: Path | None) -> Entry:
    """Look at all that can be wrong before anything runs.

    Raises:
        ConfigError: a study or the measure is not legal, or the contenders cannot be compared.
        MissingExtraError: a search needs what is not installed.
    """
    if by is not None:
        check_measure(by)
    _check_names(entered, terms)
    _check_objectives(entered, by)
    resolved = [resolve(contender.config, data_root) for contender in entered]
    trains = any(each.problem.accuracy is not None for each in resolved)
    if by is not None and by in METRICS and METRICS.get(by).source is Source.ACCURACY and not trains:
        raise ConfigError(f"by: {by} is not measured, because nothing in the study asks for it; name another metric")
    proven = [c for c, each in zip(entered, resolved, strict=True) if each.config.strategy.name == EXACT]
    searches = tuple(contender for contender in entered if contender not in proven)
    if len(proven) > 1 or not searches:
        raise ConfigError(
            f"strategy: {', '.join(repr(contender.name) for contender in proven)} price the whole space, whatever the "
            "budget; give one of them at most, and searches to compare with it"
        )
    for contender, each in zip(entered, resolved, strict=True):
        if contender in searches:
            _start(each.problem)
        _warm_up(each.problem)
    first = resolved[0].problem
    return Entry(searches, proven[0] if proven else None, first.objectives, first.reward, trains)


def _start(problem: Problem) -> None:
    """Start the search and forget it: what it needs and is not installed is said before another one has run."""
    problem.strategy.start(problem.space, np.random.default_rng(0), len(problem.objectives))


def _warm_up(problem: Problem) -> None:
    """Price a design, so that the first run is not charged for compiling what all of them use."""
    Evaluation(problem, None).price(SCREENED, next(problem.space.enumerate()))


def _check_names(entered: Sequence[Contender], terms: Terms) -> None:
    if len(entered) < 2:
        raise ConfigError(f"strategy: {len(entered)} to compare; give at least two, such as random and evolution")
    folders = [contender.folder for contender in entered]
    for contender in entered:
        if folders.count(contender.folder) > 1:
            raise ConfigError(f"strategy: {contender.name!r} stands there twice; give each a name of its own")
        if contender.config.phases is not None and terms.seconds is not None:
            raise ConfigError(
                f"seconds: {contender.name!r} divides its budget between two phases beforehand, so it cannot go on "
                "until a time is spent; give evaluations instead"
            )


def _check_objectives(entered: Sequence[Contender], by: str | None) -> None:
    first, *others = [build_objectives(contender.config) for contender in entered]
    for contender, objectives in zip(entered[1:], others, strict=True):
        if objectives != first and by in (None, HYPERVOLUME, REWARD):
            raise ConfigError(f"by: the objectives of {contender.name!r} are others; name a metric that all measure")

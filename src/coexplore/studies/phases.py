"""What is lost by designing one side after the other? First one side for an initial other, then that other side.

By default the accelerator comes first (for the middle network); with `first: network` the network does (Jiang2020's
sequential optimisation: the search on fixed hardware, then the best hardware for what it found). Two studies in folders
of one directory share the budget. What is handed on is that of the trial with the highest reward. Every decision of the
other side is frozen, so each phase is a study like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coexplore.core.errors import ConfigError, SpaceError
from coexplore.design import ACCELERATOR, NETWORK, DesignSpace
from coexplore.objectives.reward import Reward
from coexplore.spaces.conditions import INACTIVE, is_active
from coexplore.spaces.decision import Value
from coexplore.spaces.space import Point, Space, part
from coexplore.studies.schema import BudgetConfig, PhasesConfig, StudyConfig, parse_config
from coexplore.studies.trial import TrialRecord, TrialState

OTHER = {NETWORK: ACCELERATOR, ACCELERATOR: NETWORK}


@dataclass(frozen=True, slots=True)
class Phases:
    """The two studies of a config with `phases`."""

    config: StudyConfig
    designs: DesignSpace
    """Of the config."""

    def first_phase(self) -> StudyConfig:
        """The first study: one side, for the initial other side.

        Raises:
            ConfigError: the initial decisions or the division of the budget are not legal.
        """
        first = self._phases.first
        initial = middle_point(self.designs.space, OTHER[first], self._phases.initial)
        return self._frozen(OTHER[first], part(initial, OTHER[first]), self._budget(first))

    def second_phase(self, chosen: Point) -> StudyConfig:
        """The second study: the other side, for what the design has on the first."""
        first = self._phases.first
        return self._frozen(first, part(chosen, first), self._budget(OTHER[first]))

    @property
    def _phases(self) -> PhasesConfig:
        if self.config.phases is None:
            raise ConfigError("phases: is missing; this study has none")
        return self.config.phases

    def _budget(self, side: str) -> BudgetConfig:
        budget = self.config.budget
        trials = self._phases.accelerator_trials or budget.trials // 2
        if not 1 <= trials < budget.trials:
            raise ConfigError(
                f"phases.accelerator_trials: is {trials} of {budget.trials} trials; each phase needs at least one"
            )
        own = trials if side == ACCELERATOR else budget.trials - trials
        share = own / budget.trials
        return BudgetConfig(
            trials=own,
            hours=None if budget.hours is None else budget.hours * share,
            epochs=None if budget.epochs is None else max(1, round(budget.epochs * share)),
            patience=budget.patience,
        )

    def _frozen(self, side: str, point: Point, budget: BudgetConfig) -> StudyConfig:
        document = self.config.document()
        section = document[side]
        assert isinstance(section, dict)
        document[side] = {**section, "restrict": {}, "freeze": dict(point)}
        document["budget"] = budget.model_dump(mode="json")
        document.pop("phases")
        return parse_config(document)


def best_by_reward(trials: tuple[TrialRecord, ...], reward: Reward) -> TrialRecord | None:
    """The complete trial with the highest reward, the earliest of equals; None where none is complete."""
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    return max(complete, key=lambda trial: reward(trial.metrics), default=None)


def phase_folders(directory: Path, phases: PhasesConfig) -> tuple[Path, Path]:
    """Where the two studies of a directory are."""
    return directory / f"phase-1-{phases.first}", directory / f"phase-2-{OTHER[phases.first]}"


def middle_point(space: Space, side: str, given: Mapping[str, Value]) -> Point:
    """A point with the given values on one side, and the middle value of every other decision."""
    wanted = {f"{side}.{name}": value for name, value in given.items()}
    row: list[int] = []
    try:
        for position, decision in enumerate(space.decisions):
            middle = (len(decision.values) - 1) // 2
            index = decision.index_of(wanted[decision.name]) if decision.name in wanted else middle
            row.append(index if is_active(space.links, row, position) else INACTIVE)
        point = space.at(row)
        space.restrict({name: (value,) for name, value in wanted.items()})
    except SpaceError as error:
        raise ConfigError(f"phases.initial: {error}") from error
    return point

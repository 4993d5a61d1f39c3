"""What is lost by designing one side after the other? First the accelerator for an initial network, then its network.

Two studies in folders of one directory share the budget. The accelerator handed on is that of the trial with the
highest reward. Every decision of the other side is frozen, so each phase is a study like any other.
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

ACCELERATOR_PHASE = "phase-1-accelerator"
"""Folder of the first study."""
NETWORK_PHASE = "phase-2-network"
"""Folder of the second study."""


@dataclass(frozen=True, slots=True)
class Phases:
    """The two studies of a config with `phases`."""

    config: StudyConfig
    designs: DesignSpace
    """Of the config."""

    def accelerator_phase(self) -> StudyConfig:
        """The first study: the initial network, every accelerator.

        Raises:
            ConfigError: the initial network or the division of the budget is not legal.
        """
        initial = _middle(self.designs.space, NETWORK, self._phases.initial)
        return self._frozen(NETWORK, part(initial, NETWORK), self._budget(first=True))

    def network_phase(self, chosen: Point) -> StudyConfig:
        """The second study: every network, the accelerator of a design."""
        return self._frozen(ACCELERATOR, part(chosen, ACCELERATOR), self._budget(first=False))

    @property
    def _phases(self) -> PhasesConfig:
        if self.config.phases is None:
            raise ConfigError("phases: is missing; this study has none")
        return self.config.phases

    def _budget(self, *, first: bool) -> BudgetConfig:
        budget = self.config.budget
        trials = self._phases.accelerator_trials or budget.trials // 2
        if not 1 <= trials < budget.trials:
            raise ConfigError(
                f"phases.accelerator_trials: is {trials} of {budget.trials} trials; each phase needs at least one"
            )
        own = trials if first else budget.trials - trials
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


def phase_folders(directory: Path) -> tuple[Path, Path]:
    """Where the two studies of a directory are."""
    return directory / ACCELERATOR_PHASE, directory / NETWORK_PHASE


def _middle(space: Space, side: str, given: Mapping[str, Value]) -> Point:
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

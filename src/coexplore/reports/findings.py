"""What exactly did a study find? The designs of its front, the chosen one op by op, and the baseline beside both."""

from __future__ import annotations

from dataclasses import dataclass

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.fpga_boards import FpgaBoards
from coexplore.cost.boards import BoardsCost, price_on_boards
from coexplore.cost.model import Goal, WorkloadCost, price
from coexplore.cost.residency import Residency
from coexplore.design import NETWORK, Design, DesignSpace
from coexplore.objectives.objective import Objective
from coexplore.reports.final_test import read_tested
from coexplore.reports.summary import TestAccuracies, chosen_trial
from coexplore.spaces.space import Point, part
from coexplore.studies.config import build_designs, build_objectives, limit_of, residency_of, searched_pricer
from coexplore.studies.searched_pricer import SearchedPricer
from coexplore.studies.study import StudyResult
from coexplore.studies.trial import TrialRecord
from coexplore.workloads.graph import Workload

BASELINES_PRICED = 200
"""Members of the front that are priced on the baseline accelerator too, from the best by the first objective on."""


@dataclass(frozen=True, slots=True)
class Member:
    """A design of the front."""

    trial: TrialRecord
    design: Design
    baseline: dict[str, float] | None
    """Cost metrics of the same network on the baseline accelerator; None where it was not priced or cannot run."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The design to take along, op by op."""

    trial: TrialRecord
    design: Design
    cost: WorkloadCost
    baseline: WorkloadCost | None
    """The same network on the baseline accelerator; None where that is the accelerator of the design."""


@dataclass(frozen=True, slots=True)
class ChosenPipeline:
    """The design to take along where it runs on FPGAs, stage by stage."""

    trial: TrialRecord
    design: Design
    cost: BoardsCost


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a page about a study shows."""

    result: StudyResult
    objectives: tuple[Objective, ...]
    tested: TestAccuracies
    front: tuple[Member, ...]
    chosen: Chosen | None
    """None where nothing is feasible, or the design runs on FPGAs."""
    pipeline: ChosenPipeline | None
    """None where nothing is feasible, or the design runs on no FPGAs."""
    baseline: Accelerator | None
    """None where the study has one accelerator only, or FPGAs."""


def find(result: StudyResult) -> Findings:
    """Decode the front of a study, and price what the store does not keep.

    Raises:
        StoreError: something in the study directory is damaged.
    """
    designs, objectives = build_designs(result.config), build_objectives(result.config)
    assumed = assumed_by(result)
    baseline = _baseline(designs)
    known: dict[Point, dict[str, float] | None] = {}
    front = tuple(
        _member(designs, trial, baseline if index < BASELINES_PRICED else None, assumed, known)
        for index, trial in enumerate(result.front)
    )
    chosen = chosen_trial(result.front, objectives)
    return Findings(
        result=result,
        objectives=objectives,
        tested=read_tested(result.directory),
        front=front,
        chosen=None if chosen is None or on_boards(designs, chosen) else _chosen(designs, chosen, baseline, assumed),
        pipeline=chosen_pipeline(designs, chosen) if chosen is not None and on_boards(designs, chosen) else None,
        baseline=baseline,
    )


def mapping_goal(result: StudyResult) -> Goal:
    """What the mappings of a study minimise."""
    return Goal[result.config.mapping_goal.upper()]


def on_boards(designs: DesignSpace, trial: TrialRecord) -> bool:
    """Whether a design runs on FPGAs that share its network."""
    return isinstance(designs.decode(trial.point).accelerator, FpgaBoards)


def chosen_pipeline(designs: DesignSpace, trial: TrialRecord) -> ChosenPipeline:
    """A design on FPGAs, priced again."""
    design = designs.decode(trial.point)
    assert isinstance(design.accelerator, FpgaBoards)
    return ChosenPipeline(trial, design, price_on_boards(design.network.workload(), design.accelerator))


def _baseline(designs: DesignSpace) -> Accelerator | None:
    family = designs.accelerator_family
    baseline = family.decode(family.presets["baseline"])
    return baseline if isinstance(baseline, Accelerator) and family.space.size > 1 else None


@dataclass(frozen=True, slots=True)
class Assumed:
    """How a study prices."""

    goal: Goal
    residency: Residency
    searched: SearchedPricer | None
    """Where mappings are searched, which comes out the same each time."""
    limit: int | None = None
    """Of the engine's own search."""

    def price(self, workload: Workload, accelerator: Accelerator) -> WorkloadCost:
        """The price of the study; with the best mappings where its search has none for some op."""
        found = None if self.searched is None else self.searched.mappings(workload, accelerator)
        return price(workload, accelerator, self.goal, found, residency=self.residency, limit=self.limit)


def assumed_by(result: StudyResult) -> Assumed:
    """How a study prices."""
    goal = mapping_goal(result)
    searched = searched_pricer(result.config, build_designs(result.config), goal)
    return Assumed(goal, residency_of(result.config), searched, limit_of(result.config))


def _member(
    designs: DesignSpace, trial: TrialRecord, baseline: Accelerator | None, assumed: Assumed,
    known: dict[Point, dict[str, float] | None],
) -> Member:  # fmt: skip
    """A design of the front; `known` are the prices of networks on the baseline so far, by their decisions."""
    design, network = designs.decode(trial.point), part(trial.point, NETWORK)
    if baseline is None:
        return Member(trial, design, None)
    if network not in known:
        cost = assumed.price(design.network.workload(), baseline)
        known[network] = cost.metrics() if cost.feasible else None
    return Member(trial, design, known[network])


def _chosen(designs: DesignSpace, trial: TrialRecord, baseline: Accelerator | None, assumed: Assumed) -> Chosen:
    design = designs.decode(trial.point)
    workload = design.network.workload()
    cost = assumed.price(workload, design.chip)
    same = baseline is None or baseline == design.chip
    return Chosen(trial, design, cost, None if same or baseline is None else assumed.price(workload, baseline))

"""How does a trial of a study become a bundle?"""

from __future__ import annotations

from pathlib import Path

from coexplore.accelerators.fpga_boards import FpgaBoards
from coexplore.core.errors import StudyError
from coexplore.cost.boards import BoardsCost, price_on_boards
from coexplore.cost.model import WorkloadCost
from coexplore.design import Design
from coexplore.reports.arrays import read_arrays
from coexplore.reports.bundle import Contents, write_bundle
from coexplore.reports.final_test import read_tested
from coexplore.reports.findings import assumed_by
from coexplore.reports.summary import measured
from coexplore.studies.config import build_designs
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.study import StudyResult
from coexplore.studies.trial import TrialRecord, TrialState
from coexplore.workloads.graph import Workload


def complete_trial(result: StudyResult, number: int) -> TrialRecord:
    """The trial of that number.

    Raises:
        StudyError: there is none, or it is not complete.
    """
    if not 0 <= number < len(result.trials):
        raise StudyError(f"there is no trial {number}; the study has {len(result.trials)}, counted from 0")
    trial = result.trials[number]
    if trial.state is not TrialState.COMPLETE:
        why = f" ({trial.reason})" if trial.reason else ""
        raise StudyError(f"trial {number} is {trial.state.value}{why}; only complete trials can be exported")
    return trial


def export_trial(result: StudyResult, trial: TrialRecord, folder: Path) -> None:
    """Write the bundle of a complete trial.

    Raises:
        MissingExtraError: onnx is not installed.
        StoreError: the weights are missing or damaged, something else is at that place, or it cannot be written.
    """
    design = build_designs(result.config).decode(trial.point)
    workload = design.network.workload()
    task = result.config.task
    trained = trial.network and not (task and (task.tabular or task.surrogate))
    weights = read_arrays(StudyDirectory(result.directory).weights(trial.network)) if trained else {}
    contents = Contents(
        workload=workload,
        accelerator=design.accelerator,
        cost=_cost(result, design, workload),
        weights=weights,
        study=result.config.document(),
        trial=trial.number,
        metrics=measured(trial, read_tested(result.directory)),
    )
    write_bundle(folder, contents)


def _cost(result: StudyResult, design: Design, workload: Workload) -> WorkloadCost | BoardsCost:
    if isinstance(design.accelerator, FpgaBoards):
        return price_on_boards(workload, design.accelerator)
    return assumed_by(result).price(workload, design.chip)

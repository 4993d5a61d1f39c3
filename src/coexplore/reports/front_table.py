"""Which designs are on the front? One row each, the best by the first objective first."""

from __future__ import annotations

from coexplore.design import DesignSpace
from coexplore.reports.summary import TestAccuracies, chosen_trial, measured
from coexplore.reports.table import Column, Table
from coexplore.reports.units import TEST_ACCURACY, metric_text, metric_title
from coexplore.studies.config import build_designs, build_objectives
from coexplore.studies.study import StudyResult
from coexplore.studies.trial import TrialRecord

ALWAYS = ("accuracy", TEST_ACCURACY, "latency_s", "energy_j", "area_mm2", "mapping_gap")
"""Shown where they were measured, beside what the study asks for."""
OF_PIPELINES = ("throughput_per_s", "pipeline_efficiency", "gops_per_w")
"""Shown where FPGAs are a pipeline; elsewhere throughput is one over latency."""
STAR = " *"
"""Marks the chosen design."""


def front_table(result: StudyResult, tested: TestAccuracies) -> Table:
    """The front of a study; the number of the chosen design has a star."""
    wanted = [objective.metric for objective in build_objectives(result.config)]
    wanted += [constraint.metric for constraint in result.config.constraints]
    found = [measured(trial, tested) for trial in result.front]
    shown = (*ALWAYS, *(OF_PIPELINES if any("pipeline_efficiency" in metrics for metrics in found) else ()), *wanted)
    names = [name for name in dict.fromkeys(shown) if any(name in metrics for metrics in found)]
    columns = (
        Column("trial"),
        *(Column(metric_title(name)) for name in names),
        Column("network", numeric=False),
        Column("accelerator", numeric=False),
    )
    designs, chosen = build_designs(result.config), chosen_trial(result.front, build_objectives(result.config))
    rows = []
    for trial, metrics in zip(result.front, found, strict=True):
        texts = (metric_text(name, metrics.get(name)) for name in names)
        rows.append((f"{trial.number}{STAR if trial is chosen else ''}", *texts, *_names(designs, trial)))
    return Table(f"front: {len(rows)} design{'' if len(rows) == 1 else 's'}", columns, tuple(rows))


def _names(designs: DesignSpace, trial: TrialRecord) -> tuple[str, str]:
    design = designs.decode(trial.point)
    return design.network.name, design.accelerator.name

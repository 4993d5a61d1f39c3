"""How many cycles does SCALE-Sim count for a systolic array? Its conventions, each an explicit option.

A layer runs as a matmul: the window and the input channels are one reduction of `R * S * C` terms, the output pixels
are rows. Folds are the temporal loops outside the array, the operand that streams has the loop inside it.

References: A. Samajdar et al., A systematic methodology for characterizing scalability of DNN accelerators using
SCALE-Sim, ISPASS 2020; rules checked against the `compute_cycles` of release 3.0.0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from coexplore.accelerators.accelerator import Accelerator, Dim, Operand
from coexplore.core.errors import AcceleratorError, WorkloadError
from coexplore.cost._counts import skew_cycles
from coexplore.cost.accounting import Accounting, Counts, Cycles
from coexplore.cost.nest import FACTOR, LEVEL, SPATIAL, Problem
from coexplore.workloads.op import Loops

ARRAY_ONLY = -1
"""SCALE-Sim's compute cycles know no memory that could be busier than the array."""


@dataclass(frozen=True, slots=True)
class ScaleSimRules:
    """Conventions of SCALE-Sim's cycles; all on is SCALE-Sim, each can be switched off to see how much it matters."""

    every_fold_drains: bool = True
    """The next fold waits until the array is empty (physics: folds follow each other, it fills and drains once)."""
    whole_array: bool = True
    """Filling and draining cross the whole array (physics: the part that is used)."""
    resting_operand_waits: bool = True
    """A weight or input at rest enters row by row while nothing is computed (physics: during the fold before)."""
    last_cycle_lost: bool = True
    """The count is one cycle short: the number of the last cycle, counted from zero."""
    outputs_round_up: bool = True
    """A window that the input holds only in part yields an output (physics: it does not)."""


def scalesim(rules: ScaleSimRules) -> Accounting:
    """SCALE-Sim's accounting of time for an array of axes with `hop_cycles`, or a variant of it: no memory ever waits.

    Pricing by it raises an AcceleratorError where no axis hands data on.
    """

    def time(problem: Problem, accelerator: Accelerator, counts: Counts) -> Cycles:
        if not any(axis.hop_cycles for level in accelerator.levels for axis in level.fanout):
            raise AcceleratorError(
                f"SCALE-Sim's accounting is about systolic arrays, and no axis of {accelerator.name!r} has hop_cycles"
            )
        return _cycles(accelerator, counts, rules)

    return Accounting("scalesim", cycle_rule=time)


SCALE_SIM_RULES = ScaleSimRules()
SCALESIM = scalesim(SCALE_SIM_RULES)


def as_matmul(
    extent: tuple[int, int], window: tuple[int, int], channels: tuple[int, int], stride: int,
    rules: ScaleSimRules = SCALE_SIM_RULES,
) -> Loops:  # fmt: skip
    """A layer as SCALE-Sim runs it.

    Args:
        extent: height and width of the padded input.
        window: of the filter.
        channels: of the input and of the output.
        stride: in both directions.
        rules: of which `outputs_round_up` is read.

    Raises:
        WorkloadError: the window is larger than the input, or a size is smaller than one.
    """
    if min(*window, *channels, stride) < 1 or any(size < part for size, part in zip(extent, window, strict=True)):
        raise WorkloadError(
            f"window {window}, stride {stride} and channels {channels} must be positive and the window must fit into "
            f"the padded input {extent}"
        )
    rows = math.prod(_outputs(size, part, stride, rules) for size, part in zip(extent, window, strict=True))
    return Loops(P=rows, K=channels[1], C=math.prod(window) * channels[0])


def _outputs(extent: int, window: int, stride: int, rules: ScaleSimRules) -> int:
    rest = extent - window
    return (-(-rest // stride) if rules.outputs_round_up else rest // stride) + 1


def _cycles(accelerator: Accelerator, counts: Counts, rules: ScaleSimRules) -> Cycles:
    levels = accelerator.levels
    array = max((n for n, level in enumerate(levels) if any(axis.hop_cycles for axis in level.fanout)), default=-1)
    table = counts.nest.table
    folds = math.prod(int(row[FACTOR]) for row in table if not row[SPATIAL] and row[LEVEL] <= array)
    axes = [axis for level in levels for axis in level.fanout if axis.hop_cycles]
    crossing = int(skew_cycles(table))
    if rules.whole_array:
        crossing = sum((axis.size - 1) * axis.hop_cycles for axis in axes)
    at_rest = {operand for level in levels[array + 1 :] for operand in level.keeps}
    loading = 0
    if rules.resting_operand_waits and at_rest & {Operand.WEIGHT, Operand.INPUT}:
        loading = sum(axis.size * axis.hop_cycles for axis in axes if Dim.C in axis.dims)
    waits = crossing * (folds if rules.every_fold_drains else 1) + loading * folds - rules.last_cycle_lost
    return Cycles(float(counts.compute_cycles), float(waits), 0.0, 0.0, 0.0, ARRAY_ONLY)

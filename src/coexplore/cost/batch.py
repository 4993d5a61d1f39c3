"""What do many mappings of one op cost? Compiled over blocks of mappings; equal to `replay` of each to the last bit.

Mappings whose factors divide the op take the closed forms of `_batch`; all others are replayed one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import MappingError
from coexplore.cost._batch import LANES, Batch
from coexplore.cost._batch_assess import Costs, evaluate
from coexplore.cost.mapping_batch import MappingBatch, unpack
from coexplore.cost.nest import Machine, Problem, machine_of, problem_of
from coexplore.cost.replay import replay, too_wide
from coexplore.workloads.op import Loops

EXACT = 2.0**53
"""Integers below it are exact as doubles."""


@dataclass(frozen=True, slots=True)
class BatchCost:
    """The costs of mapped ops, one entry per mapping. Cycles are those of the whole op, energies are in joule."""

    compute_cycles: NDArray[np.float64]
    total_cycles: NDArray[np.float64]
    energy_j: NDArray[np.float64]
    feasible: NDArray[np.bool_]
    bound: NDArray[np.int8]
    """Number of the level whose port is busiest; -1: the array is busier than any."""
    one_by_one: NDArray[np.bool_]
    """Whether the mapping was replayed alone, because some factor does not divide, a count is too large, or an operand
    lives on chip."""


def replay_many(loops: Loops, accelerator: Accelerator, batch: MappingBatch) -> BatchCost:
    """Costs of an op under many mappings, each as `replay` gives it.

    Raises:
        MappingError: a mapping does not cover the op or does not fit the array; overflow of a level is a result.
    """
    _check_fit(accelerator, batch)
    problem, machine = problem_of(loops, accelerator), machine_of(accelerator)
    room = batch.temporal.shape[0] * LANES
    costs = Costs(
        np.empty(room), np.empty(room), np.empty(room), np.empty(room, np.bool_), np.empty(room, np.int8),
        np.zeros(room, np.bool_),
    )  # fmt: skip
    if _largest_count(problem, machine) < EXACT and not problem.resident.any():
        evaluate(problem, machine, Batch(batch.temporal, batch.order, batch.spatial), costs)
    size = batch.size
    for index in np.flatnonzero(~costs.is_perfect[:size]):
        _replay_into(costs, int(index), loops, accelerator, batch)
    return BatchCost(
        costs.compute_cycles[:size],
        costs.total_cycles[:size],
        costs.energy_j[:size],
        costs.fits[:size] & (not too_wide(loops, accelerator)),
        costs.bound[:size],
        ~costs.is_perfect[:size],
    )


def _check_fit(accelerator: Accelerator, batch: MappingBatch) -> None:
    levels, axes = len(accelerator.levels), sum(len(level.fanout) for level in accelerator.levels)
    if (batch.temporal.shape[1], batch.spatial.shape[1]) != (levels, axes):
        raise MappingError(
            f"the batch has {batch.temporal.shape[1]} levels and {batch.spatial.shape[1]} axes, "
            f"{accelerator.name!r} has {levels} and {axes}"
        )


def _largest_count(problem: Problem, machine: Machine) -> float:
    """No count of bits of a perfect mapping exceeds this: every multiplication moves every operand, whole windows."""
    s_x, s_y, d_x, d_y = (float(value) for value in problem.window)
    bits = float(problem.bits.max() + machine.word_bits.max())
    return 16.0 * problem.macs * (s_x + d_x) * (s_y + d_y) * bits + 16.0 * float(machine.block_bits.max())


def _replay_into(costs: Costs, index: int, loops: Loops, accelerator: Accelerator, batch: MappingBatch) -> None:
    result = replay(loops, accelerator, unpack(accelerator, batch, index))
    names = [f"{level.name} bandwidth" for level in accelerator.levels]
    costs.compute_cycles[index], costs.total_cycles[index] = result.compute_cycles, result.total_cycles
    costs.energy_j[index], costs.fits[index] = result.energy_j, result.feasible
    costs.bound[index] = names.index(result.bound) if result.bound in names else -1

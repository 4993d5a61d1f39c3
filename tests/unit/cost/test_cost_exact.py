"""The fast counts against the general ones, for every kind of nest."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings

from coexplore.cost._counts import MOVES, count_moves
from coexplore.cost._exact import count_fast, make_tally
from coexplore.cost.nest import flatten, machine_of, problem_of
from coexplore.testing.cost_cases import mapped_ops

THOROUGH = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


@THOROUGH
@given(mapped_ops())
def test_fast_counts_equal_the_general_ones(case):
    loops, accelerator, mapping = case
    problem, machine, nest = problem_of(loops, accelerator), machine_of(accelerator), flatten(mapping, accelerator)
    levels = len(accelerator.levels)
    general, fast = (
        (np.zeros((levels, 3, MOVES), np.int64), np.zeros((levels, 3), np.int64), np.zeros((3, 2), np.int64))
        for _ in range(2)
    )
    cycles = count_moves(problem, machine, nest, *general)
    assert count_fast(problem, machine, nest, *fast, make_tally(len(nest.table) + 1)) == cycles
    for one, other in zip(general, fast, strict=True):
        assert np.array_equal(one, other)

"""Which unrollings are candidates? What the axes of an array unroll, and how many steps are left to run in time.

Declared in words in `coexplore.cost.mapper`. Every axis has `PER_AXIS` places, as it unrolls two dimensions at most.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._compile import inner, maker
from coexplore.cost._sheet import NONE, PER_AXIS
from coexplore.cost.nest import Ints, Machine, Problem

MOST_OPTIONS = 4096
"""Ways to use one axis that are looked at, after what the axes further inside took."""


@inner
def smooth(steps: int) -> int:
    """The next number without prime factors above 7: it has many divisors, and what it adds is skipped, not run."""
    number = steps
    while True:
        rest = number
        for prime in (2, 3, 5, 7):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return number
        number += 1


@maker
def list_unrollings(problem: Problem, machine: Machine, limit: int) -> tuple[Ints, Ints, Ints]:
    """The unrollings of fewest compute cycles: dimensions and instances per place (u, p), and steps left (u, 8).

    Axes are decided from the innermost outwards, and after each the `limit` choices with the fewest cycles left stay;
    on a tie the earlier one.
    """
    axes = machine.axis_size.size
    pick, use = np.full((limit, PER_AXIS * axes), NONE, np.int64), np.ones((limit, PER_AXIS * axes), np.int64)
    left = np.ones((limit, 8), np.int64)
    left[0] = problem.sizes
    option = np.empty((MOST_OPTIONS, 4), np.int64)
    found = 1
    for a in range(axes - 1, -1, -1):
        counts = np.empty(found + 1, np.int64)
        counts[0] = 0
        for i in range(found):
            counts[i + 1] = counts[i] + _list_options(a, pick[i], left[i], machine, option)
        chosen, cycles = np.empty((counts[found], 4), np.int64), np.empty(counts[found])
        for i in range(found):
            _list_options(a, pick[i], left[i], machine, option)
            for k in range(counts[i + 1] - counts[i]):
                row = counts[i] + k
                chosen[row] = option[k]
                cycles[row] = 1.0
                for d in range(8):
                    cycles[row] *= _steps_after(d, left[i, d], option[k])
        order = np.argsort(cycles, kind="mergesort")[:limit]
        old_pick, old_use, old_left = pick.copy(), use.copy(), left.copy()
        found = order.size
        for i in range(found):
            origin = np.searchsorted(counts, order[i], side="right") - 1
            row = chosen[order[i]]
            pick[i], use[i] = old_pick[origin], old_use[origin]
            for d in range(8):
                left[i, d] = _steps_after(d, old_left[origin, d], row)
            for k in range(PER_AXIS):
                pick[i, PER_AXIS * a + k], use[i, PER_AXIS * a + k] = row[2 * k], row[2 * k + 1]
    return pick[:found], use[:found], left[:found]


@inner
def _steps_after(d: int, steps: int, option: Ints) -> int:
    """Steps that are left of a dimension once an axis is used in some way."""
    for k in range(PER_AXIS):
        if option[2 * k] == d:
            steps = (steps + option[2 * k + 1] - 1) // option[2 * k + 1]
    return steps


@inner
def _list_options(a: int, pick: Ints, left: Ints, machine: Machine, option: Ints) -> int:
    """Fill `option` (o, 4) with the ways to use an axis: a dimension and its instances, twice. Returns their number.

    Axes that are the same in all respects take dimensions in one order only: swapping them changes nothing.
    """
    room, last = machine.axis_size[a], 8
    if _is_twin(a, machine):
        last = pick[PER_AXIS * (a + 1)] + 1
    found = 0
    for d in range(last):
        if not machine.axis_dims[a, d]:
            continue
        most = fewest(left[d], room)
        for first in range(most, 1, -1):
            even = left[d] % first == 0
            if not (even or first == most):
                continue
            if 2 * first >= most:
                found = _add(d, first, NONE, 1, found, option)
            for e in range(8):
                second = fewest(left[e], room // first)
                if e != d and machine.axis_dims[a, e] and even and second > 1:
                    said = e < d and left[e] % second == 0 and fewest(left[d], room // second) == first
                    if not said:
                        found = _add(d, first, e, second, found, option)
    return _add(NONE, 1, NONE, 1, found, option)


@inner
def _add(d: int, first: int, e: int, second: int, found: int, option: Ints) -> int:
    if found == MOST_OPTIONS:
        return found
    option[found, 0], option[found, 1], option[found, 2], option[found, 3] = d, first, e, second
    return found + 1


@inner
def fewest(steps: int, instances: int) -> int:
    """The fewest instances that need no more rounds than all of them would."""
    if instances < 1:
        return 1
    rounds = (steps + instances - 1) // instances
    number: int = (steps + rounds - 1) // rounds
    return number


@inner
def _is_twin(a: int, machine: Machine) -> bool:
    """Whether the next axis is the same in all respects, so that swapping the two changes nothing."""
    b = a + 1
    sizes = machine.axis_size
    if b == sizes.size or machine.axis_level[a] != machine.axis_level[b] or sizes[a] != sizes[b]:
        return False
    for d in range(8):
        if machine.axis_dims[a, d] != machine.axis_dims[b, d]:
            return False
    return bool(machine.axis_alone[a] == machine.axis_alone[b] and machine.axis_hop[a] == machine.axis_hop[b])

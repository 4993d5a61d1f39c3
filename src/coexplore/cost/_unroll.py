"""Which unrollings are candidates? What the axes of an array unroll, and how many steps are left to run in time.

Declared in words in `coexplore.cost.mapper`.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._compile import inner
from coexplore.cost._sheet import NONE
from coexplore.cost.nest import Ints, Machine, Problem


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


@inner
def list_unrollings(problem: Problem, machine: Machine, limit: int) -> tuple[Ints, Ints, Ints]:
    """The unrollings of fewest compute cycles: dimensions and instances per axis (u, a), and steps left (u, 8).

    Axes are decided from the innermost outwards, and after each the `limit` choices with the fewest cycles left stay;
    on a tie the earlier one.
    """
    axes = machine.axis_size.size
    pick, use = np.full((limit, axes), NONE, np.int64), np.ones((limit, axes), np.int64)
    left = np.ones((limit, 8), np.int64)
    left[0] = problem.sizes
    found = 1
    for a in range(axes - 1, -1, -1):
        room = 9 * found
        cost, option, steps = np.empty(room, np.int64), np.empty((room, 2), np.int64), np.empty(room, np.int64)
        listed = 0
        for i in range(found):
            cycles = 1
            for d in range(8):
                cycles *= left[i, d]
            before = listed
            for d in range(8):
                number = _steps_after(a, d, pick[i], left[i], machine)
                if number > 0:
                    cost[listed], steps[listed] = cycles // left[i, d] * number, number
                    option[listed, 0], option[listed, 1] = i, d
                    listed += 1
            if listed == before:
                cost[listed], steps[listed] = cycles, 1
                option[listed, 0], option[listed, 1] = i, NONE
                listed += 1
        # Sorted by cycles, then by position.
        keys = np.empty(listed, np.int64)
        for i in range(listed):
            keys[i] = cost[i] * room + i
        keys.sort()
        found = min(listed, limit)
        order = keys[:found] % room
        old_pick, old_use, old_left = pick.copy(), use.copy(), left.copy()
        for i in range(found):
            origin, d = option[order[i], 0], option[order[i], 1]
            pick[i], use[i], left[i] = old_pick[origin], old_use[origin], old_left[origin]
            if d != NONE:
                number = steps[order[i]]
                pick[i, a] = d
                use[i, a] = (old_left[origin, d] + number - 1) // number
                left[i, d] = number
    return pick[:found], use[:found], left[:found]


@inner
def _steps_after(a: int, d: int, pick: Ints, left: Ints, machine: Machine) -> int:
    """Steps of dimension `d` once axis `a` unrolls it; 0 if it may not, or if a twin of the axis did it in order."""
    size = min(machine.axis_size[a], left[d])
    if not machine.axis_dims[a, d] or size < 2 or (_is_twin(a, machine) and d > pick[a + 1]):
        return 0
    steps: int = (left[d] + size - 1) // size
    return steps


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

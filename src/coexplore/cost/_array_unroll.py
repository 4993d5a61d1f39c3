"""What may the axes of a PE array unroll, and into how many steps? Declared in words in `coexplore.cost.mapper`."""

from __future__ import annotations

import numpy as np

from coexplore.cost._compile import inner, maker
from coexplore.cost._kernels import K, P, R, S
from coexplore.cost._sheet import NONE
from coexplore.cost.nest import Flags, Ints, Machine, Problem


@maker
def list_array_unrollings(problem: Problem, machine: Machine, limit: int) -> tuple[Ints, Ints]:
    """The `limit` unrollings of fewest compute cycles, fastest first: dimensions and instances per axis (u, a)."""
    axes = machine.axis_level.size
    # Dimensions, and those again if they shall be split evenly.
    options, count, room = np.full((axes, 16), NONE, np.int64), np.zeros(axes, np.int64), 1
    for a in range(axes):
        for code in range(16 if 0 < machine.axis_level[a] < 3 else 8):
            d = code % 8
            if machine.axis_dims[a, d] and problem.sizes[d] > 1 and machine.axis_size[a] > 1:
                options[a, count[a]] = code
                count[a] += 1
        count[a] = max(count[a], 1)
        room *= count[a]
    picks, uses, cycles = np.empty((room, axes), np.int64), np.empty((room, axes), np.int64), np.empty(room, np.int64)
    found, at, even = 0, np.zeros(axes, np.int64), np.zeros(axes, np.bool_)
    known = np.zeros((axes, 32, 2), np.int64)
    for _ in range(room):
        for a in range(axes):
            code = options[a, at[a]]
            even[a] = code >= 8
            picks[found, a] = code % 8 if code != NONE else NONE
        if _split(picks[found], uses[found], even, problem, machine, known):
            cycles[found] = _cycles(picks[found], uses[found], problem)
            found += 1
        a = axes - 1
        at[a] += 1
        while a > 0 and at[a] == count[a]:
            at[a], at[a - 1] = 0, at[a - 1] + 1
            a -= 1
    fastest = np.argsort(cycles[:found], kind="mergesort")[:limit]
    return picks[fastest], uses[fastest]


@inner
def _cycles(pick: Ints, use: Ints, problem: Problem) -> int:
    """Steps that are left; instances along a dimension are rounded up to only once."""
    total = 1
    for d in range(8):
        size, spread = problem.sizes[d], 1
        if size == 1:
            continue
        for a in range(pick.size):
            spread *= use[a] if pick[a] == d else 1
        total *= (size + spread - 1) // spread if spread > 1 else size
    return total


@inner
def _largest_divisor(left: int, size: int, known: Ints) -> int:
    """The largest divisor of `left` that is at most `size`, looked up if it was asked for lately."""
    place = left % 32
    if known[place, 0] != left:
        divisor = min(size, left)
        while left % divisor:
            divisor -= 1
        known[place, 0], known[place, 1] = left, divisor
    return int(known[place, 1])


@inner
def _is_twin(a: int, machine: Machine) -> bool:
    """Whether the axis before is the same, so that swapping the two changes nothing."""
    if machine.axis_level[a - 1] != machine.axis_level[a] or machine.axis_size[a - 1] != machine.axis_size[a]:
        return False
    for d in range(8):
        if machine.axis_dims[a - 1, d] != machine.axis_dims[a, d]:
            return False
    return True


@inner
def _split(pick: Ints, use: Ints, even: Flags, problem: Problem, machine: Machine, known: Ints) -> bool:
    """Fill the instances of every axis; False if another unrolling does the same."""
    axes = pick.size
    window = problem.sizes[R] > 1 or problem.sizes[S] > 1
    use[:] = 1
    for a in range(axes - 1, -1, -1):
        d = pick[a]
        if d == NONE:
            continue
        level = machine.axis_level[a]
        if a > 0 and pick[a - 1] > d and _is_twin(a, machine):
            return False
        left, alone = problem.sizes[d], True
        for b in range(axes):
            if b != a and pick[b] == d:
                alone = False
                left //= use[b]
        size = min(machine.axis_size[a], left)
        uneven = alone and (level > 1 or not (window and (d == K or d >= P)))
        steps = (left + size - 1) // size
        fewest = (left + steps - 1) // steps
        if uneven and not even[a]:
            use[a] = fewest
            continue
        use[a] = _largest_divisor(left, machine.axis_size[a], known[a])
        if even[a] and (not uneven or use[a] == fewest):
            return False
    return True

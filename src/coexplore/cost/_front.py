"""Which of many points does no other one beat? Compiled scalar loops for fronts of three losses and for whole columns.

Everything is a loss, smaller is better; the callers have sorted, so that a point is only ever beaten by an earlier one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coexplore.cost._compile import inner, kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@kernel
def sweep(ranks: Ints, area: Floats, kept: Flags) -> None:
    """Mark the points that no earlier one is at least as good as, in second and third loss.

    A binary indexed tree holds the smallest area of all points up to a rank of energy, so `n` points take n log n.

    Args:
        ranks: (n,) Dense ranks of the second loss, from 0; points stand by rising first loss.
        area: (n,) The third loss.
        kept: (n,) Filled in.
    """
    points = ranks.size
    smallest = np.full(points + 1, np.inf)
    for point in range(points):
        node, least = ranks[point] + 1, np.inf
        while node > 0:
            least = min(least, smallest[node])
            node -= node & -node
        kept[point] = not least <= area[point]
        if kept[point]:
            node = ranks[point] + 1
            while node <= points:
                smallest[node] = min(smallest[node], area[point])
                node += node & -node


@inner
def is_covered(columns: Floats, marks: Floats, other: int, one: int) -> bool:
    """Whether column `other` is nowhere above column `one`."""
    for mark in range(marks.shape[1]):
        if marks[other, mark] > marks[one, mark]:
            return False
    for row in range(columns.shape[1]):
        if columns[other, row] > columns[one, row]:
            return False
    return True


@kernel
def sift(columns: Floats, marks: Floats, sums: Floats, order: Ints, kept: Ints) -> int:
    """Put the columns that no other one covers at the front of `kept`; returns how many.

    `sums` add up each column in the same order of rows: whatever covers a column has a sum no larger, also after
    rounding. So only columns of one and the same sum need looking at in both directions.

    Args:
        columns: (a, r) One contiguous row of losses per accelerator.
        marks: (a, m) Some of them again, in which two accelerators are likely to differ; close together in memory.
        sums: (a,)
        order: (a,) Columns by rising sum, equal ones by index.
        kept: (a,) Filled in; the order within is that of use, not of index.
    """
    count, before = 0, -1
    for column in order:
        # Equal ones, such as mirror images, follow each other.
        found = before >= 0 and sums[before] == sums[column] and is_covered(columns, marks, before, column)
        position = 0
        while not found and position < count:
            found = is_covered(columns, marks, kept[position], column)
            position += 1
        if found:
            if position > 0:
                # What covered one column often covers the next: look at it earlier.
                kept[(position - 1) // 2], kept[position - 1] = kept[position - 1], kept[(position - 1) // 2]
            continue
        write = 0
        for position in range(count):
            other = kept[position]
            if sums[other] < sums[column] or not is_covered(columns, marks, column, other):
                kept[write] = other
                write += 1
        kept[write] = column
        count, before = write + 1, column
    return count

"""What do networks cost in all? Sums of op counts times op costs, exact and rounded once, as matrix products.

The order in which a matrix product adds is its own business and differs between machines, blocks and threads. Here it
cannot matter: a table is split into parts of so few bits, relative to the largest cost of a column, that every sum of
counts times a part is exact in float64 (Ozaki2012). What the parts sum up to is then added with a single rounding
(Boldo2008 for three of them). A total is thus the float64 nearest to the true sum, the same as `math.fsum` over all
layers; it depends on nothing but its own network and accelerator. No unit is chosen, so none brings an error.

References:
    Ozaki2012: Ozaki, Ogita, Oishi, Rump, "Error-free transformations of matrix multiplication by using fast routines
        of matrix multiplication and its applications", Numerical Algorithms 59, 2012.
    Boldo2008: Boldo, Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to
        odd", IEEE Transactions on Computers 57, 2008.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import WorkloadError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_OPS = 2**40
"""Ops of one network, repetitions counted; with more, a part would hold too few bits."""
MOST_COST = 1e250
"""Far above any cost in any unit, and far below where float64 ends."""
MANTISSA_BITS = 53
MOST_PART_BITS = 51
"""So many are cut off by adding and subtracting 1.5 times a power of two."""
SMALLEST_EXPONENT = -1074
"""Of float64: every number is a multiple of 2 to this power."""
ROWS, COLUMNS = 128, 8192
"""Networks and accelerators of one product, so that products stay in the processor's cache."""


def exact_totals(counts: Ints, table: Floats) -> Floats:
    """The nearest float64 to `counts @ table`, for networks `n`, ops `o` and accelerators `a`.

    Args:
        counts: (n, o) How often each network runs each op.
        table: (o, a) What an op costs; `inf` is infeasible, and so is every network that needs it.

    Returns:
        (n, a), infinite where a network needs an infeasible op.

    Raises:
        WorkloadError: shapes do not match, a count is negative or no whole number, a network has more than `MOST_OPS`
            ops, or a cost is nan, or finite and above `MOST_COST`.
    """
    width = _part_bits(counts, table)
    multipliers = counts.astype(np.float64)
    totals = np.empty((counts.shape[0], table.shape[1]))
    for begin in range(0, table.shape[1], COLUMNS):
        columns = slice(begin, begin + COLUMNS)
        _fill(multipliers, table[:, columns], width, totals[:, columns])
    return totals


def _part_bits(counts: Ints, table: Floats) -> int:
    """Bits of a part, such that no sum of counts times parts exceeds what float64 counts exactly."""
    if counts.ndim != 2 or table.ndim != 2 or counts.shape[1] != table.shape[0]:
        raise WorkloadError(
            f"counts have shape {counts.shape} and costs {table.shape}; give (networks, ops) and (ops, accelerators)"
        )
    if not np.issubdtype(counts.dtype, np.integer):
        raise WorkloadError(f"counts are {counts.dtype}; an op runs a whole number of times, give integers")
    if np.isnan(table).any():
        row, column = (int(found[0]) for found in np.nonzero(np.isnan(table)))
        raise WorkloadError(f"the cost of op {row} on accelerator {column} is nan; an infeasible pair costs inf")
    if (np.abs(table, where=np.isfinite(table), out=np.zeros(table.shape)) > MOST_COST).any():
        raise WorkloadError(f"a cost is {table[np.isfinite(table)].max():.3g}; beyond {MOST_COST:g} nothing is priced")
    if counts.size == 0:
        return MOST_PART_BITS
    if counts.min() < 0:
        network, op = (int(found[0]) for found in np.nonzero(counts < 0))
        raise WorkloadError(f"counts[{network}, {op}] is {counts[network, op]}; an op runs at least 0 times")
    # As floats, because a sum of 64-bit integers may wrap around.
    most = float(counts.sum(axis=1, dtype=np.float64).max())
    if most > MOST_OPS:
        network = int(counts.sum(axis=1, dtype=np.float64).argmax())
        raise WorkloadError(f"network {network} has {most:.4g} ops, repetitions counted; at most {MOST_OPS} add up")
    return min(MANTISSA_BITS - math.ceil(math.log2(max(most, 1.0))), MOST_PART_BITS)


def _fill(counts: Floats, table: Floats, width: int, totals: Floats) -> None:
    infinite = np.isinf(table)
    parts = _split(np.where(infinite, 0.0, table), width)
    blocked = infinite.any(axis=1)
    room = np.empty((len(parts), min(ROWS, counts.shape[0]), table.shape[1]))
    for begin in range(0, counts.shape[0], ROWS):
        rows = counts[begin : begin + ROWS]
        sums = room[:, : rows.shape[0]]
        for part, product in zip(parts, sums, strict=True):
            np.matmul(rows, part, out=product)
        _add_up(sums, totals[begin : begin + ROWS])
        if blocked.any():
            totals[begin : begin + ROWS][rows[:, blocked] @ infinite[blocked] > 0] = np.inf


def _split(table: Floats, width: int) -> list[Floats]:
    """Parts that add up to a table exactly; in a column of a part all are multiples of one unit, up to 2^width."""
    _, largest = np.frexp(np.abs(table).max(axis=0, initial=0.0))
    exponents = largest.astype(np.int64) - width
    parts = []
    rest = table
    while True:
        # The last bit of the shift is worth one unit: adding it rounds to units.
        shift = np.ldexp(1.5, np.maximum(exponents, SMALLEST_EXPONENT) + MANTISSA_BITS - 1)
        part = rest + shift
        part -= shift
        parts.append(part)
        rest = rest - part
        if not rest.any():
            return parts
        # What is left is at most half a unit.
        exponents = exponents - width - 1


def _add_up(sums: Floats, total: Floats) -> None:
    """The sums of all parts, added with one rounding into `total`."""
    if len(sums) == 1:
        total[:] = sums[0]
    elif len(sums) == 2:
        np.add(sums[0], sums[1], out=total)
    elif len(sums) == 3:
        total[:] = _add_three(*sums)
    else:
        flat = sums.reshape(len(sums), -1).T
        total[:] = np.array([math.fsum(terms) for terms in flat.tolist()]).reshape(total.shape)


def _add_three(a: Floats, b: Floats, c: Floats) -> Floats:
    """a + b + c, rounded once (Boldo2008, figure 5)."""
    high, low = _two_sum(b, c)
    total, rest = _two_sum(a, high)
    return total + _add_to_odd(rest, low)


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded sum and its error, exactly."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


def _add_to_odd(a: Floats, b: Floats) -> Floats:
    """a + b; where that is no float64, the one of its two neighbours whose last bit is 1."""
    total, error = _two_sum(a, b)
    is_even = total.view(np.int64) & 1 == 0
    neighbour = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
    return np.where((error != 0) & is_even, neighbour, total)

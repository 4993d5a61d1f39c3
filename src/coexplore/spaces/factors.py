"""In how many ways is a number the product of some factors, and which ways are there? Tables for tiling decisions.

Order counts: 6 over two slots is 1x6, 2x3, 3x2 and 6x1. A dimension of a loop nest that is split over the slots of an
accelerator is one decision whose values are such products.
"""

from __future__ import annotations

import math
from functools import lru_cache

from coexplore.core.errors import SpaceError

SEPARATOR = "x"
MOST_PRODUCTS = 200_000
"""A table of more rows is refused: 2^17 over seven slots has 100,947."""


def prime_powers(number: int) -> dict[int, int]:
    """Prime factors of a number from 1 on, with their exponents."""
    found: dict[int, int] = {}
    divisor = 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            found[divisor] = found.get(divisor, 0) + 1
            number //= divisor
        divisor += 1
    if number > 1:
        found[number] = found.get(number, 0) + 1
    return found


def count_products(number: int, slots: int) -> int:
    """How many ordered products of `slots` factors give `number`, exact: every exponent is spread over the slots."""
    if slots < 1:
        return int(number == 1)
    return math.prod(math.comb(exponent + slots - 1, slots - 1) for exponent in prime_powers(number).values())


@lru_cache(maxsize=4096)
def divisors(number: int) -> tuple[int, ...]:
    """All divisors, ascending."""
    found = [1]
    for prime, exponent in prime_powers(number).items():
        found = [old * prime**power for old in found for power in range(exponent + 1)]
    return tuple(sorted(found))


@lru_cache(maxsize=256)
def products(number: int, slots: int) -> tuple[tuple[int, ...], ...]:
    """All ordered products of `slots` factors that give `number`, in lexicographic order.

    Raises:
        SpaceError: there are more than `MOST_PRODUCTS`.
    """
    count = count_products(number, slots)
    if count > MOST_PRODUCTS:
        raise SpaceError(
            f"{number} has {count:,} factorisations over {slots} slots, the limit is {MOST_PRODUCTS:,}; "
            "search a smaller op, or an accelerator of fewer levels"
        )
    if slots == 1:
        return ((number,),)
    return tuple((first, *rest) for first in divisors(number) for rest in products(number // first, slots - 1))


def written(factors: tuple[int, ...]) -> str:
    """A product as the value of a decision: `4x1x8`."""
    return SEPARATOR.join(map(str, factors))


@lru_cache(maxsize=1 << 16)
def read(text: str) -> tuple[int, ...]:
    """The product of `written`."""
    return tuple(int(factor) for factor in text.split(SEPARATOR))

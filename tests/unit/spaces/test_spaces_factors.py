from __future__ import annotations

import itertools
import math

import pytest

from coexplore.core.errors import SpaceError
from coexplore.spaces.decision import Decision
from coexplore.spaces.described import describe, encoded
from coexplore.spaces.factors import count_products, divisors, products, read, written
from coexplore.spaces.space import Space


@pytest.mark.parametrize(("number", "slots"), [(1, 3), (7, 1), (12, 2), (12, 3), (36, 4), (64, 3)])
def test_the_table_equals_a_plain_enumeration(number, slots):
    plain = [p for p in itertools.product(range(1, number + 1), repeat=slots) if math.prod(p) == number]
    assert sorted(products(number, slots)) == plain
    assert count_products(number, slots) == len(plain)


def test_divisors_are_all_of_them():
    assert divisors(360) == tuple(d for d in range(1, 361) if 360 % d == 0)


def test_a_product_survives_writing():
    assert all(read(written(factors)) == factors for factors in products(60, 4))


def test_a_table_that_is_too_long_is_refused_with_its_length():
    with pytest.raises(SpaceError, match="has 245,157 factorisations over 8 slots"):
        products(2**16, 8)


def test_categories_are_encoded_as_categories_and_never_as_numbers():
    space = Space((Decision("kind", ("K", "C", "S")), Decision("size", (1, 2, 4), ordered=True)))
    columns = encoded(space, list(space.enumerate()))
    assert columns.shape == (9, 4)
    assert set(columns[:, :3].ravel()) == {0.0, 1.0}
    assert (columns[:, :3].sum(axis=1) == 1).all()
    assert describe(space, list(space.enumerate())).tolist() == columns.tolist()

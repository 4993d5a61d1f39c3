"""Which networks of a study have an accuracy, and which? All of its space, or those that a table lists.

A space of moderate size is gone through. Of a space that is too large a table may list some networks; these are all
that have an accuracy, so nothing is lost by looking at no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accuracy.tabular import Table
from coexplore.core.errors import EvaluationError
from coexplore.design import NETWORK, DesignSpace
from coexplore.networks.network import ListedFamily, NetworkFamily, TabledFamily
from coexplore.spaces.space import Point, Space, factor
from coexplore.studies.problem import AccuracySource
from coexplore.studies.sources import TableAccuracy

MOST_NETWORKS = 200_000
"""Each is built once to count its ops."""


@dataclass(frozen=True, slots=True, eq=False)
class Rated:
    """Networks with an accuracy."""

    points: tuple[Point, ...]
    """(n,) Without prefix, in the order of the space or, of a space too large to go through, of the table."""
    accuracy: NDArray[np.float64]
    """(n,) Fractions."""
    networks: int
    """All that were looked at: of the space, or of the table where it lists them."""


def too_many(designs: DesignSpace, source: AccuracySource | None) -> str:
    """Why the networks of a study cannot be gone through, in words; empty where they can."""
    size = factor(designs.space, NETWORK).size
    if size <= MOST_NETWORKS or (
        isinstance(designs.network_family, ListedFamily) and isinstance(source, TableAccuracy)
    ):
        return ""
    return f"the space has {size:,} networks and at most {MOST_NETWORKS:,} are counted; restrict it"


def lists_a_part(designs: DesignSpace, source: AccuracySource | None) -> str:
    """Why a search would hardly ever suggest a network that has an accuracy, in words; empty where it may."""
    size = factor(designs.space, NETWORK).size
    if size <= MOST_NETWORKS or not (
        isinstance(designs.network_family, ListedFamily) and isinstance(source, TableAccuracy)
    ):
        return ""
    return (
        f"a search of {size:,} networks would hardly suggest one that the table lists; take strategy: {{name: exact}}, "
        "which looks at those alone, or task: {surrogate: ...}"
    )


def rated_networks(designs: DesignSpace, source: AccuracySource) -> Rated:
    """The networks that a source has an accuracy for.

    Args:
        designs: whose networks `too_many` lets pass.
        source: of accuracies.

    Raises:
        DataError: the accuracies cannot be read.
    """
    family, space = designs.network_family, factor(designs.space, NETWORK)
    if isinstance(source, TableAccuracy):
        table = source.read()
        if space.size > MOST_NETWORKS and isinstance(family, ListedFamily):
            return _rated(_listed(family, space, table), len(table.accuracies))
        if isinstance(family, TabledFamily):
            known = table.accuracies
            return _rated(((point, known.get(family.label(point))) for point in space.enumerate()), space.size)
    return _rated(_answered(family, space, source), space.size)


def check_listed(designs: DesignSpace, table: Table) -> None:
    """Refuse a table that is about other networks.

    Raises:
        EvaluationError: it has not the first network of the space, nor any where it lists a part of the space.
    """
    family, first = designs.network_family, next(designs.space.enumerate())
    if isinstance(family, ListedFamily) and any(_listed(family, factor(designs.space, NETWORK), table)):
        return
    table.evaluate(designs.decode(first).network.workload())


def _rated(found: Iterator[tuple[Point, float | None]], networks: int) -> Rated:
    known = [(point, value) for point, value in found if value is not None]
    return Rated(tuple(point for point, _ in known), np.array([value for _, value in known], np.float64), networks)


def _listed(family: ListedFamily, space: Space, table: Table) -> Iterator[tuple[Point, float | None]]:
    for label, value in table.accuracies.items():
        point = family.labelled(label)
        yield from () if point is None or point not in space else ((point, value),)


def _answered(family: NetworkFamily, space: Space, source: AccuracySource) -> Iterator[tuple[Point, float | None]]:
    answer = source.prepare()
    for point in space.enumerate():
        try:
            yield point, answer(family.lower(point), ())[0].value
        except EvaluationError:
            yield point, None

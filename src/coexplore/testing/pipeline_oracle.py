"""What is the best pipeline, by trying all of them? For a handful of layers and devices only."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from coexplore.cost.pipeline import ROUNDING, StageTable

Score = tuple[float, float]
"""Slowest stage in seconds, cost."""


def all_pipelines(table: StageTable) -> Iterator[tuple[int, Score]]:
    """Number of stages and score of every pipeline that the pool allows."""
    layers, devices = len(table.layers), [t for t, n in enumerate(table.counts) for _ in range(n)]
    for size in range(1, min(layers, len(devices)) + 1):
        for order in set(itertools.permutations(devices, size)):
            cost = math.fsum(table.costs[t] for t in order)
            for cuts in itertools.combinations(range(1, layers), size - 1):
                edges = (0, *cuts, layers)
                runs = zip(order, itertools.pairwise(edges), strict=True)
                yield size, (max(float(table.latency_s[t, i, j]) for t, (i, j) in runs), cost)


def fastest_by_force(table: StageTable, stages: int | None = None) -> Score | None:
    """The lowest slowest stage, and the lowest cost with it."""
    scores = [score for size, score in all_pipelines(table) if stages in (None, size) and math.isfinite(score[0])]
    return min(scores, default=None)


def cheapest_by_force(table: StageTable, throughput: float, stages: int | None = None) -> float | None:
    """The lowest cost that meets a throughput."""
    period_s = ROUNDING / throughput
    scores = [score for size, score in all_pipelines(table) if stages in (None, size)]
    return min((cost for slowest, cost in scores if slowest <= period_s), default=None)

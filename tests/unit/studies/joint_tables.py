"""Invented prices of ops, with ties, ops that cannot run, and accelerators that are mirror images."""

from __future__ import annotations

import numpy as np

from coexplore.cost.network_table import NetworkTable


def invented_tables(
    seed: int, networks: int = 12, ops: int = 4, accelerators: int = 14, parts: int = 1
) -> tuple[np.ndarray, list[NetworkTable]]:
    """Accuracies (n,) and tables. Values are few, so that ties are common; `seed` also decides how coarse they are."""
    rng = np.random.default_rng(seed)
    coarse = int(rng.integers(2, 40))
    accuracy = rng.integers(1, 2 + coarse, networks) / 64
    cuts = np.array_split(np.arange(accelerators), parts)
    area = rng.integers(1, 6, accelerators).astype(float)
    tables = []
    for places in cuts:
        counts = rng.integers(0, 4, (networks, ops))
        counts[0] = counts[-1]
        prices = rng.integers(1, 2 + coarse, (2, ops, len(places))) / 7.0
        prices[:, rng.random((ops, len(places))) < 0.08] = np.inf
        prices[:, :, -1] = prices[:, :, 0]
        tables.append(NetworkTable(counts.astype(np.int64), prices[0], prices[1], area[places], places))
    return accuracy, tables

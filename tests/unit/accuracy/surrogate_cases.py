"""Networks of Accel-NASBench with an invented accuracy, for tests of surrogates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from coexplore.accuracy.rated_networks import ACCURACY, RatedNetworks
from coexplore.accuracy.stage_settings import COLUMNS

LEVELS = [(1, 4, 6), (3, 5), (1, 2, 3), (0, 1)] * 7


def invented(count: int, seed: int, noise: float = 0.003) -> RatedNetworks:
    """More of everything is better, less so the more there is; with an interaction and noise."""
    rng = np.random.default_rng(seed)
    settings = np.stack([rng.choice(levels, count) for levels in LEVELS], axis=1).astype(np.int64)
    scale = settings / np.array([max(levels) for levels in LEVELS])
    gain = scale.mean(axis=1) + 0.3 * scale[:, 0] * scale[:, 4]
    accuracy = 0.75 - 0.4 * np.exp(-2.0 * gain) + noise * rng.normal(size=count)
    return RatedNetworks("invented.parquet", COLUMNS, settings, accuracy)


def write(rated: RatedNetworks, path: Path) -> Path:
    """As the benchmark's table has it."""
    columns = dict(zip(COLUMNS, rated.settings.T, strict=True)) | {ACCURACY: rated.accuracy * 100}
    pq.write_table(pa.table(columns), path)
    return path

"""A surrogate in a file keeps the promises of `AccuracySource`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from coexplore.accuracy.rated_networks import RatedNetworks
from coexplore.accuracy.stage_settings import COLUMNS
from coexplore.accuracy.surrogate_evaluator import PredictionSettings
from coexplore.accuracy.surrogate_training import SurrogateSettings, train_surrogate
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.studies.problem import AccuracySource
from coexplore.studies.sources import SurrogateAccuracy
from coexplore.testing.evaluator_contract import AccuracySourceContract
from coexplore.workloads.graph import Workload

FAMILY = AccelNasBench()


class TestSurrogateAccuracy(AccuracySourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> AccuracySource:
        points = FAMILY.space.sample(np.random.default_rng(0), 60)
        settings = np.array([[point[name] for name in COLUMNS] for point in points], np.int64)
        rated = RatedNetworks("invented", COLUMNS, settings, 0.4 + settings.sum(axis=1) / 400)
        train_surrogate(rated, SurrogateSettings(steps=2, subset=30)).save(tmp_path / "surrogate.npz")
        chosen = PredictionSettings("surrogate.npz")
        return SurrogateAccuracy(chosen, chosen.load(tmp_path).identity, tmp_path)

    @pytest.fixture
    def workloads(self) -> Sequence[Workload]:
        return [FAMILY.lower(point) for point in FAMILY.space.sample(np.random.default_rng(1), 2)]

"""The toy and real training keep the promises of `AccuracySource`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coexplore.accuracy.data import Digits, Shapes
from coexplore.accuracy.evaluator import TrainingEvaluator
from coexplore.accuracy.halving import Halving
from coexplore.accuracy.tabular import TableSettings
from coexplore.accuracy.training import Recipe
from coexplore.networks.encoder_decoder import EncoderDecoder
from coexplore.networks.nas_bench_macro import NasBenchMacro
from coexplore.studies.problem import AccuracySource
from coexplore.studies.sources import RealTraining, TableAccuracy
from coexplore.testing.evaluator_contract import AccuracySourceContract
from coexplore.testing.toy import ToyAccuracy, ToyNetworks
from coexplore.workloads.graph import Workload

NETWORKS = ToyNetworks().space


@pytest.fixture
def toy_networks() -> Sequence[Workload]:
    chosen = [{"width": 1, "depth": 1}, {"width": 2, "depth": 2, "kernel": 3}]
    return [ToyNetworks().lower(NETWORKS.point(point)) for point in chosen]


class TestToyAccuracy(AccuracySourceContract):
    @pytest.fixture
    def source(self) -> AccuracySource:
        return ToyAccuracy()

    @pytest.fixture
    def workloads(self, toy_networks: Sequence[Workload]) -> Sequence[Workload]:
        return toy_networks


class TestRealTraining(AccuracySourceContract):
    @pytest.fixture
    def source(self) -> AccuracySource:
        data, recipe = Digits(limit=120), Recipe(epochs=2)
        identity = TrainingEvaluator(data.load(), recipe).identity
        return RealTraining(data, recipe, Halving(eta=2, first_epochs=1), identity)

    @pytest.fixture
    def workloads(self, toy_networks: Sequence[Workload]) -> Sequence[Workload]:
        return toy_networks


class TestRealTrainingOfPixels(AccuracySourceContract):
    @pytest.fixture
    def source(self) -> AccuracySource:
        data, recipe = Shapes(images=60, size=16), Recipe(epochs=2)
        identity = TrainingEvaluator(data.load(), recipe).identity
        return RealTraining(data, recipe, Halving(eta=2, first_epochs=1), identity)

    @pytest.fixture
    def workloads(self) -> Sequence[Workload]:
        family = EncoderDecoder(input_shape=(1, 16, 16), widths=(8,))
        return [family.lower(point) for point in family.space.sample(np.random.default_rng(0), 2)]


class TestTableAccuracy(AccuracySourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path, workloads: Sequence[Workload]) -> AccuracySource:
        names = [workload.name for workload in workloads]
        pq.write_table(pa.table({"arch_str": names, "accuracy": [80.0, 90.0]}), tmp_path / "table.parquet")
        settings = TableSettings("table.parquet", "accuracy")
        return TableAccuracy(settings, settings.load(tmp_path).identity, tmp_path)

    @pytest.fixture
    def workloads(self) -> Sequence[Workload]:
        family = NasBenchMacro()
        return [family.lower(point) for point in family.space.sample(np.random.default_rng(0), 2)]

"""On the benchmark's own table the surrogate ranks networks it has not seen, and its intervals hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coexplore.accuracy.rated_networks import read_rated
from coexplore.accuracy.stage_settings import COLUMNS, stage_settings
from coexplore.accuracy.surrogate_training import SurrogateSettings, train_surrogate
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.testing.rank_correlation import kendall_tau

pytestmark = pytest.mark.data


def test_every_network_of_the_table_is_a_point_of_the_family(data_folder: Path) -> None:
    rated, family = read_rated(data_folder), AccelNasBench()
    for row in rated.settings[::400].tolist():
        point = family.space.point(dict(zip(COLUMNS, row, strict=True)))
        assert list(stage_settings(family.lower(point))) == row


@pytest.mark.slow
def test_a_third_of_the_table_ranks_the_rest(data_folder: Path) -> None:
    """What is promised is the coverage in the mean over splits; that of one split scatters by some points."""
    rated = read_rated(data_folder)
    covered = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(rated))
        surrogate = train_surrogate(rated.part(order[:1500]), SurrogateSettings(steps=40, subset=500))
        rest = rated.part(order[1500:])
        assert kendall_tau(surrogate.predict(rest.settings[:1000]), rest.accuracy[:1000]) > 0.90
        low, high = surrogate.interval(rest.settings)
        covered.append(np.mean((low <= rest.accuracy) & (rest.accuracy <= high)))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.02)

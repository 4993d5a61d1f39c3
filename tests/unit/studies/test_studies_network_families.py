"""Every family of networks can be named in a study, with settings, and is priced there."""

from __future__ import annotations

import numpy as np
import pytest

from coexplore.core.errors import ConfigError
from coexplore.networks.network import NETWORK_FAMILIES
from coexplore.studies.config import build, parse_config

SETTINGS = {
    "accel-nasbench": {"kernels": [3], "depths": [1, 1, 1, 1, 1, 2, 1]},
    "encoder-decoder": {"widths": [8, 16], "kernels": [3], "stem": [8, 2]},
    "nahas-s1": {"kernels": [3, 5], "stages": [[3, 1, 8, 1, 1], [3, 6, 16, 2, 2]], "head": 0},
    "nahas-s2": {"expansions": [2, 4], "stem": [16, 2]},
    "nahas-s3": {"groups": [1, 2], "width_factors": [1.0], "stages": [[3, 1, 8, 1, 1], [3, 6, 16, 2, 2]]},
    "nb201": {"cells": 1},
    "proxyless": {"kernels": [3], "stages": [[3, 1, 16, 1, 1], [3, 6, 24, 3, 2]]},
}


def study(network):
    return parse_config(
        {
            "name": "families",
            "network": network,
            "accelerator": {"family": "edge-array"},
            "objectives": [{"minimize": "latency_s"}, {"minimize": "energy_j"}],
            "strategy": {"name": "random"},
        }
    )


@pytest.mark.parametrize("name", sorted(NETWORK_FAMILIES))
def test_a_family_is_taken_as_it_is(name):
    assert build(study({"family": name})).space.size >= 50_000


@pytest.mark.parametrize("name", SETTINGS)
def test_a_family_takes_settings_and_is_priced(name):
    problem = build(study({"family": name, "input_shape": [3, 32, 32], "classes": 10, **SETTINGS[name]}))
    (point,) = problem.space.sample(np.random.default_rng(0), 1)
    priced = problem.pricer(problem.designs.decode(point))
    assert not priced.reason
    assert priced.metrics["latency_s"] > 0


def test_a_wrong_setting_is_named_by_its_path():
    with pytest.raises(ConfigError, match=r"network\.groups: is \(1, 5\); 5 does not divide 16 channels"):
        build(study({"family": "nahas-s3", "groups": [1, 5]}))
    with pytest.raises(ConfigError, match=r"network\.kernles: unknown setting .*did you mean 'kernels'"):
        build(study({"family": "nahas-s1", "kernles": [3]}))


def test_a_study_may_fix_and_restrict_blocks():
    network = {
        "family": "nahas-s3",
        "width_factors": [1.0],
        "restrict": {"kernel3": [3, 5]},
        "freeze": {"kind0": "normal"},
    }
    whole = build(study({"family": "nahas-s3", "width_factors": [1.0]})).space.size
    assert build(study(network)).space.size == whole * 2 // 3 // 4

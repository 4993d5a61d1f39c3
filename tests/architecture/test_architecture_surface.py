"""The public names: few, all real, and changed on purpose only."""

from __future__ import annotations

import pytest

import coexplore

SURFACE = """
ACCELERATOR_FAMILIES Accelerator Bits CoexploreError Condition Constraint Decision Feasibility Goal Loops METRICS
MemoryLevel Metric NETWORK_FAMILIES NETWORK_PRESETS Network Objective Observation Point STRATEGIES Space Strategy
StudyConfig StudyResult Suggestion Workload WorkloadCost best_mapping find_accelerator from_torch hypervolume
load_config non_dominated open_study price price_grid product read_accelerator read_onnx replay run_study __version__
"""


def test_the_surface_changes_on_purpose_only():
    assert sorted(coexplore.__all__) == sorted(SURFACE.split())


@pytest.mark.parametrize("name", coexplore.__all__)
def test_every_public_name_exists(name):
    assert getattr(coexplore, name) is not None


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = coexplore.nothing

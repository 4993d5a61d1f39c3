"""The fastest row-stationary mapping: never slower than a published one, and within the array and its memories."""

from __future__ import annotations

import pytest

from coexplore.accelerators.eyeriss import eyeriss_168, eyeriss_256
from coexplore.core.errors import MappingError
from coexplore.cost.mapping import check_mapping
from coexplore.cost.presets.eyeriss import LinkRatios, eyeriss
from coexplore.cost.replay import replay
from coexplore.cost.row_stationary import RowStationary, row_stationary
from coexplore.cost.row_stationary_search import best_row_stationary, choices
from coexplore.workloads.op import Bits, Loops

WORDS = Bits(16, 16, 16, 16)
CONV1 = Loops(N=4, K=96, C=3, P=55, Q=55, R=11, S=11, stride=(4, 4), bits=WORDS)
CHIP_TIME = eyeriss(LinkRatios())


def test_the_first_layer_of_alexnet_gets_the_published_mapping():
    assert best_row_stationary(CONV1, eyeriss_168(), CHIP_TIME) == RowStationary(96, 1, 7, 16, 1, 1, 2)


@pytest.mark.parametrize(("chip", "columns"), [(eyeriss_168(), 14), (eyeriss_256(), 16)], ids=["168", "256"])
@pytest.mark.parametrize(
    "loops",
    [Loops(N=2, K=6, C=3, P=9, Q=9, R=3, S=3, bits=WORDS), Loops(K=10, C=4, P=5, Q=5, bits=WORDS)],
    ids=["3x3", "pointwise"],
)
def test_every_choice_fits(loops, chip, columns):
    seen = 0
    for choice in choices(loops, chip):
        mapping = row_stationary(loops, choice, columns)
        check_mapping(loops, chip, mapping)
        assert replay(loops, chip, mapping, CHIP_TIME).feasible
        seen += 1
    assert seen > 20


def test_the_best_is_the_fastest_of_all_choices():
    loops = Loops(N=2, K=6, C=3, P=9, Q=9, R=3, S=3, bits=WORDS)
    chip = eyeriss_168()
    times = [replay(loops, chip, row_stationary(loops, c, 14), CHIP_TIME).total_cycles for c in choices(loops, chip)]
    best = best_row_stationary(loops, chip, CHIP_TIME)
    assert replay(loops, chip, row_stationary(loops, best, 14), CHIP_TIME).total_cycles == min(times)


def test_a_filter_taller_than_the_array_is_refused():
    with pytest.raises(MappingError, match="no row-stationary mapping"):
        best_row_stationary(Loops(P=20, Q=20, R=13, S=1, bits=WORDS), eyeriss_168(), CHIP_TIME)

"""Row-stationary mappings: legal, covering, and as wide as the published numbers of active elements."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.accelerators.eyeriss import eyeriss_168
from coexplore.core.errors import MappingError
from coexplore.cost.mapping import check_mapping
from coexplore.cost.replay import replay
from coexplore.cost.row_stationary import RowStationary, row_stationary
from coexplore.workloads.op import Bits, Loops

WORDS = Bits(16, 16, 16, 16)
CONV1 = Loops(N=4, K=96, C=3, P=55, Q=55, R=11, S=11, stride=(4, 4), bits=WORDS)
CONV2 = Loops(N=4, G=2, K=128, C=48, P=27, Q=27, R=5, S=5, bits=WORDS)
CONV5 = Loops(N=4, G=2, K=128, C=192, P=13, Q=13, R=3, S=3, bits=WORDS)


@pytest.mark.parametrize(
    ("loops", "choice", "active"),
    [
        (CONV1, RowStationary(96, 1, 7, 16, 1, 1, 2), 154),
        (CONV2, RowStationary(64, 1, 27, 16, 2, 1, 1), 135),
        (CONV5, RowStationary(64, 4, 13, 16, 3, 2, 2), 156),
    ],
)
def test_published_parameters_fit_the_chip_and_keep_the_published_elements_active(loops, choice, active):
    chip = eyeriss_168()
    cost = replay(loops, chip, row_stationary(loops, choice, columns=14))
    assert cost.feasible
    rounding = math.ceil(loops.P / choice.e) * choice.e / loops.P
    assert loops.macs / cost.compute_cycles == pytest.approx(active / rounding)


@given(
    st.builds(Loops, N=st.integers(1, 5), G=st.integers(1, 3), K=st.integers(1, 70), C=st.integers(1, 20),
              P=st.integers(1, 30), Q=st.integers(1, 30), R=st.integers(1, 3), S=st.integers(1, 4)),
    st.builds(RowStationary, m=st.integers(1, 64), n=st.integers(1, 4), e=st.integers(1, 28), p=st.integers(1, 16),
              q=st.integers(1, 4), r=st.just(1), t=st.integers(1, 2)),
)  # fmt: skip
def test_every_choice_within_the_array_covers_its_op(loops, choice):
    check_mapping(loops, eyeriss_168(), row_stationary(loops, choice, columns=14))


def test_a_set_taller_than_the_array_is_refused():
    tall = Loops(R=13, S=1)
    with pytest.raises(MappingError, match="pe_y"):
        check_mapping(tall, eyeriss_168(), row_stationary(tall, RowStationary(1, 1, 1, 1, 1, 1, 1), columns=14))


def test_a_parameter_below_one_is_refused():
    with pytest.raises(MappingError, match="parameter q is 0"):
        RowStationary(1, 1, 1, 1, 0, 1, 1)

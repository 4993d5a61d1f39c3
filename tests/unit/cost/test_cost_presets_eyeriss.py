"""The chip's rules: what each adds, what compression does, and inputs that go to a diagonal at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.accelerators.eyeriss import eyeriss_168
from coexplore.cost.nest import flatten, problem_of
from coexplore.cost.presets.eyeriss import EyerissRules, LinkRatios, eyeriss, input_words, run_length_ratio
from coexplore.cost.replay import replay
from coexplore.cost.row_stationary import RowStationary, row_stationary
from coexplore.workloads.op import Bits, Loops

WORDS = Bits(16, 16, 16, 16)
CONV5 = Loops(N=4, G=2, K=128, C=192, P=13, Q=13, R=3, S=3, bits=WORDS)
CHOICE = RowStationary(64, 4, 13, 16, 3, 2, 2)
RAW = LinkRatios()
NO_RULES = EyerissRules(False, False, False, False)


def cost(loops=CONV5, choice=CHOICE, ratios=RAW, rules=None):
    chip = eyeriss_168()
    accounting = eyeriss(ratios) if rules is None else eyeriss(ratios, rules)
    return replay(loops, chip, row_stationary(loops, choice, columns=14), accounting)


def test_without_rules_the_chip_only_multiplies():
    assert cost(rules=NO_RULES).total_cycles == cost().compute_cycles == 2 * 2 * 4 * 2 * 32 * 13 * 16 * 9


def test_one_adder_costs_a_cycle_per_sum_of_an_element():
    only = cost(rules=EyerissRules(True, False, False, False))
    assert only.fill_drain_cycles == only.compute_cycles / 9


def test_weights_enter_four_words_a_cycle_once_for_all_images_of_the_buffer():
    only = cost(rules=EyerissRules(False, True, False, False))
    assert only.fill_drain_cycles == CONV5.weight_elements / 4


def test_inputs_wait_for_the_link_as_long_as_their_bits_take():
    only = cost(rules=EyerissRules(False, False, True, False), ratios=LinkRatios(input=0.5))
    words = 2 * 2 * 4 * 192 * 15 * 15
    assert only.onload_cycles == pytest.approx(0.5 * words * 16 / 64 * 200 / 60)


def test_only_the_outputs_of_the_last_pass_leave_alone():
    only = cost(rules=EyerissRules(False, False, False, True))
    assert only.offload_cycles == pytest.approx(CONV5.output_elements / 8 * 16 / 64 * 200 / 60)


def test_counts_are_those_of_physics():
    chip = eyeriss_168()
    assert cost().traffic_bits == replay(CONV5, chip, row_stationary(CONV5, CHOICE, columns=14)).traffic_bits


def test_a_pointwise_convolution_waits_for_its_sums():
    pointwise = Loops(K=64, C=64, P=13, Q=13, bits=WORDS)
    slow = cost(pointwise, RowStationary(64, 1, 13, 16, 1, 1, 4))
    assert slow.stall_cycles > 0
    assert slow.bound == "global_buffer bandwidth"


@given(st.integers(1, 40), st.integers(1, 14), st.sampled_from([1, 3, 5]), st.integers(1, 3))
def test_an_input_row_leaves_the_buffer_once_per_strip_that_needs_it(rows, e, kernel, stride):
    loops = Loops(P=rows, Q=5, R=kernel, S=kernel, stride=(stride, stride), bits=WORDS)
    mapping = row_stationary(loops, RowStationary(1, 1, e, 1, 1, 1, 1), columns=14)
    touched = 0
    for first in range(0, rows, e):
        outputs = range(first, min(first + e, rows))
        touched += (len(outputs) - 1) * stride + kernel
    chip = eyeriss_168()
    assert input_words(problem_of(loops, chip), flatten(mapping, chip)) == touched * (4 * stride + kernel)


def test_dense_data_grow_by_a_third_under_run_length_coding():
    assert run_length_ratio(0.0) == pytest.approx(4 / 3)


def test_zeros_alone_shrink_to_a_pair_per_run():
    assert run_length_ratio(1.0) == pytest.approx(4 / 3 / 32)


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_zeros_never_take_more_bits(one, other):
    low, high = sorted((one, other))
    assert run_length_ratio(high) <= run_length_ratio(low) * (1 + 1e-9)

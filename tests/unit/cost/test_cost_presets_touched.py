"""Touched elements against the step-by-step walk that counts them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings

from coexplore.accelerators.accelerator import Dim, Operand
from coexplore.accelerators.family import find_accelerator
from coexplore.cost._counts import ALL, ONE, ONE_PARENT, SHARED
from coexplore.cost._judge import judge_by
from coexplore.cost._search import make_scratch
from coexplore.cost.accounting import PHYSICS, Accounting
from coexplore.cost.mapping import LevelMapping, Loop, Mapping
from coexplore.cost.nest import flatten, machine_of, problem_of
from coexplore.cost.presets.touched import TOUCHED
from coexplore.cost.replay import replay
from coexplore.testing.cost_cases import mapped_ops
from coexplore.testing.oracle import walk
from coexplore.workloads.op import Loops

MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@MANY
@given(mapped_ops())
def test_every_count_equals_the_walk_over_touched_elements(case):
    loops, accelerator, mapping = case
    assume(max(loops.stride) > 1)
    seen = []

    def spy(problem, machine, counts):
        seen.append(TOUCHED.count_rule(problem, machine, counts))
        return seen[-1]

    problem, machine, nest = problem_of(loops, accelerator), machine_of(accelerator), flatten(mapping, accelerator)
    judge_by(Accounting("spy", count_rule=spy), accelerator, problem, machine, nest, make_scratch(len(machine.keeps)))
    for (child, operand), traffic in walk(loops, accelerator, mapping, touched=True).traffic.items():
        if operand is Operand.INPUT:
            row = seen[0].moves[child, 1]
            assert (row[ALL], row[SHARED]) == (traffic.child_in, traffic.parent_out)
            assert (row[ONE], row[ONE_PARENT]) == (traffic.child_in_one, traffic.parent_out_one)


@MANY
@given(mapped_ops())
def test_where_a_filter_touches_everything_nothing_changes(case):
    loops, accelerator, mapping = case
    plain = replace(loops, stride=(1, 1), dilation=(1, 1))
    box, touched = (replay(plain, accelerator, mapping, accounting) for accounting in (PHYSICS, TOUCHED))
    assert touched.traffic_bits == box.traffic_bits
    assert touched.energy_j == box.energy_j


def test_a_pointwise_convolution_of_stride_two_reads_a_quarter():
    accelerator, empty = find_accelerator("edge-array"), LevelMapping()
    mapping = Mapping((empty, LevelMapping((Loop(Dim.P, 16), Loop(Dim.Q, 16))), empty, empty))
    reads = [
        next(row[2] for row in replay(Loops(P=16, Q=16, stride=(2, 2)), accelerator, mapping, rule).traffic_bits[1:])
        for rule in (PHYSICS, TOUCHED)
    ]
    assert reads == [31 * 31 * 8, 16 * 16 * 8]

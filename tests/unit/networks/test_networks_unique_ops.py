"""The distinct ops of a space: complete, none invented, as many as were counted before, and quick."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from coexplore.core.errors import SpaceError
from coexplore.cost.vector_grid import vector_work
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.networks.encoder_decoder import EncoderDecoder
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.networks.nahas import (
    EFFICIENTNET_B0_STAGES,
    MOBILENET_V2_STAGES,
    NahasS1,
    NahasS2,
    NahasS3,
)
from coexplore.networks.nas_bench_macro import NasBenchMacro
from coexplore.networks.nb201 import Nb201
from coexplore.networks.op_counts import op_counts
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.networks.proxyless import Proxyless
from coexplore.networks.unique_ops import Scope, covering_networks, covering_points, scope_space, unique_ops
from coexplore.workloads.op import Elementwise, Function, GlobalAveragePool

SMALL = {"input_shape": (1, 16, 16), "classes": 10, "stem": (8, 1), "head": 16, "kernels": (3, 5)}
STAGES = ((3, 1, 8, 1, 1), (3, 6, 16, 2, 2))
ENUMERABLE = [
    NahasS1(**SMALL, stages=STAGES),
    NahasS3(**{**SMALL, "kernels": (3,)}, stages=STAGES, groups=(1, 2), width_factors=(1.0, 2.0), expansions=(3,)),
    Proxyless(**{**SMALL, "kernels": (3,)}, stages=((3, 1, 8, 1, 1), (3, 6, 16, 3, 2))),
    InvertedBottleneck(stages=((3, 8, 1, 1), (3, 16, 2, 2)), kernels=(3,), expansions=(2, 3), width_factors=(1.0, 2.0)),
    EncoderDecoder(input_shape=(1, 16, 16), widths=(8, 16), kernels=(3,), expansions=(2,), width_factors=(1.0, 2.0)),
]
LARGE = [
    NasBenchMacro(),
    InvertedBottleneck(),
    EncoderDecoder(),
    NahasS1(),
    NahasS2(),
    NahasS3(),
    Proxyless(),
    AccelNasBench(),
]


def name_of(family):
    return family.name


def spatial(workload):
    """Additions and global pools by shape, which the counts published with the method take as ops."""
    for op in workload.ops:
        if isinstance(op, GlobalAveragePool) or (isinstance(op, Elementwise) and op.function is Function.ADD):
            yield type(op), workload.input_shapes(op)


@pytest.mark.parametrize("family", ENUMERABLE, ids=name_of)
def test_the_list_is_that_of_all_networks_one_by_one(family):
    every = {loops for point in family.space.enumerate() for loops in family.lower(point).nests.values()}
    assert set(unique_ops(family)) == every


@pytest.mark.parametrize("family", ENUMERABLE, ids=name_of)
def test_the_counts_are_those_of_all_networks_one_by_one(family):
    tables, points = op_counts(family), list(family.space.enumerate())
    counts = tables.of(np.array([family.space.indices(point) for point in points]))
    place = {loops: number for number, loops in enumerate(tables.ops)}
    for point, row in zip(points, counts, strict=True):
        expected = np.zeros(len(tables.ops), np.int64)
        for loops in family.lower(point).nests.values():
            expected[place[loops]] += 1
        np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize("family", LARGE, ids=name_of)
def test_no_random_network_has_an_op_that_is_not_listed(family):
    listed = set(unique_ops(family))
    vector = set().union(*(vector_work(workload) for workload in covering_networks(family)))
    for point in family.space.sample(np.random.default_rng(3), 60):
        workload = family.lower(point)
        assert set(workload.nests.values()) <= listed
        assert set(vector_work(workload)) <= vector


def test_s1_and_s2_have_as_many_ops_as_were_counted_before():
    loops, spatial_ops = [], []
    for family in (NahasS1(), NahasS2()):
        loops.append(set(unique_ops(family)))
        spatial_ops.append({found for workload in covering_networks(family) for found in spatial(workload)})
    assert [len(own) + len(other) for own, other in zip(loops, spatial_ops, strict=True)] == [100, 100]
    together = loops[0] | loops[1], spatial_ops[0] | spatial_ops[1]
    assert len(together[0]) + len(together[1]) == 165


def test_with_fused_blocks_in_groups_there_are_as_many_ops_as_were_counted_before():
    families = [NahasS1(), NahasS2()]
    families += [NahasS3(stages=t, width_factors=(1.0,)) for t in (MOBILENET_V2_STAGES, EFFICIENTNET_B0_STAGES)]
    loops = set().union(*map(unique_ops, families))
    shapes = {found for family in families for workload in covering_networks(family) for found in spatial(workload)}
    assert len(loops) + len(shapes) == 444


def test_every_combination_of_a_scope_is_covered():
    family = NahasS3()
    points = list(covering_points(family))
    for scope in family.scopes:
        own = scope_space(family.space, scope)
        seen = {tuple(point.get(name) for name in scope.decisions) for point in points}
        assert len(seen) == own.size
    assert all(point in family.space for point in points)


def test_listing_needs_far_fewer_networks_than_there_are():
    family, begun = NahasS3(), time.perf_counter()
    assert len(list(covering_points(family))) < 300
    assert len(unique_ops(family)) > 500
    assert time.perf_counter() - begun < 20


def test_a_family_without_scopes_is_gone_through_while_it_is_small():
    family = PlainCnn(layers=(1, 2), kernels=(1, 3), filters=(4, 8))
    every = {loops for point in family.space.enumerate() for loops in family.lower(point).nests.values()}
    assert set(unique_ops(family)) == every
    with pytest.raises(SpaceError, match="no `scopes`"):
        unique_ops(PlainCnn(layers=(6,)))
    with pytest.raises(SpaceError, match="no `scopes`"):
        op_counts(family)


@dataclass(frozen=True)
class Misdeclared:
    """S1 with other scopes."""

    scopes: tuple[Scope, ...]
    name: str = "misdeclared"

    @property
    def space(self):
        return ENUMERABLE[0].space

    def lower(self, point):
        return ENUMERABLE[0].lower(point)


def test_scopes_that_leave_a_decision_out_are_found_out():
    right = ENUMERABLE[0].scopes
    with pytest.raises(SpaceError, match="leave a decision out"):
        op_counts(Misdeclared((replace(right[0], decisions=()), *right[1:])))
    with pytest.raises(SpaceError, match="ops of no scope differ"):
        op_counts(Misdeclared((*right[:-1], Scope(("nothing",), right[-1].decisions))))
    with pytest.raises(SpaceError, match="ops block0 differ between networks"):
        op_counts(
            Misdeclared((replace(right[0], decisions=("kernel1",)), Scope(("nothing",), ("kernel0",)), *right[1:]))
        )
    with pytest.raises(SpaceError, match="in 2 scopes"):
        op_counts(Misdeclared((*right, right[0])))


def test_the_cells_of_nb201_differ_in_three_ways_only():
    family = Nb201()
    indices = np.array([family.space.indices(point) for point in family.space.sample(np.random.default_rng(0), 200)])
    assert np.linalg.matrix_rank(op_counts(family).of(indices)) == 3

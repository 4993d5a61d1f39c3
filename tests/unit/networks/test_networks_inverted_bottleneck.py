from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.core.errors import ConfigError
from coexplore.networks.inverted_bottleneck import InvertedBottleneck, round_channels
from coexplore.workloads.op import Conv2d

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (3, 224, 224)]


@pytest.mark.parametrize("shape", SHAPES)
def test_sampled_points_lower_to_a_classifier(shape):
    family = InvertedBottleneck(input_shape=shape, classes=12)
    for point in family.space.sample(np.random.default_rng(0), 50):
        workload = family.lower(point)
        assert workload.inputs == (("image", (1, *shape)),)
        assert workload.shapes[workload.outputs[0]] == (1, 12)


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.integers(1, 4),
    stem=st.sampled_from([None, (8, 1), (8, 2), (12, 4)]),
    rows=st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 2), st.integers(1, 3)), min_size=1, max_size=3
    ),
    head=st.sampled_from([None, 0, 24]),
    seed=st.integers(0, 9),
)
def test_any_legal_setting_lowers_everywhere(height, width, channels, stem, rows, head, seed):
    family = InvertedBottleneck(input_shape=(channels, height, width), stem=stem, stages=tuple(rows), head=head)
    (point,) = family.space.sample(np.random.default_rng(seed), 1)
    workload = family.lower(point)
    assert workload.shapes[workload.outputs[0]] == (1, 10)


@pytest.mark.parametrize(("shape", "stages"), [((1, 8, 8), 3), ((3, 32, 32), 4), ((3, 224, 224), 7)])
def test_the_number_of_stages_grows_with_the_image(shape, stages):
    assert len(InvertedBottleneck(input_shape=shape).space.decisions) == 4 * stages


def test_all_decisions_are_ordered_numbers():
    assert all(decision.ordered for decision in InvertedBottleneck().space.decisions)


def test_digits_have_a_space_of_useful_size():
    family = InvertedBottleneck()
    assert 10_000 < family.space.size < 10_000_000
    macs = [family.lower(point).macs for point in family.space.sample(np.random.default_rng(0), 50)]
    assert max(macs) > 3 * min(macs)


def test_decisions_reach_the_ops():
    family = InvertedBottleneck(stem=(16, 1), stages=((3, 16, 1, 1), (3, 24, 2, 2)))
    point = family.space.point(
        {
            "kernel0": 5,
            "expansion0": 2,
            "width0": 8,
            "depth0": 2,
            "kernel1": 7,
            "expansion1": 4,
            "width1": 32,
            "depth1": 1,
        }
    )
    convs = {op.name: op for op in family.lower(point).ops if isinstance(op, Conv2d)}
    described = [(name, op.kernel[0], op.out_channels, op.stride[0]) for name, op in convs.items() if "block" in name]
    assert described == [
        ("stage0.block0.expand", 1, 32, 1),
        ("stage0.block0.dw", 5, 32, 1),
        ("stage0.block0.project", 1, 8, 1),
        ("stage0.block1.expand", 1, 16, 1),
        ("stage0.block1.dw", 5, 16, 1),
        ("stage0.block1.project", 1, 8, 1),
        ("stage1.block0.expand", 1, 32, 1),
        ("stage1.block0.dw", 7, 32, 2),
        ("stage1.block0.project", 1, 32, 1),
    ]


def test_a_block_that_keeps_its_shape_adds_its_input():
    family = InvertedBottleneck(stages=((3, 16, 1, 1),), depth_steps=(0, 1), width_factors=(1.0,), stem=(8, 1))
    deep = family.space.restrict({"depth0": (2,)})
    added = {op.name for op in family.lower(next(deep.enumerate())).ops if op.name.endswith(".add")}
    assert added == {"stage0.block1.add"}


def test_a_stage_that_never_widens_has_no_choice_of_expansion():
    family = InvertedBottleneck(input_shape=(3, 224, 224))
    assert family.space.decisions[1].values == (1,)


def test_kernels_wider_than_twice_the_map_are_no_choice():
    family = InvertedBottleneck(input_shape=(1, 8, 8), stages=((3, 16, 1, 4), (3, 16, 1, 1)))
    kernels = {decision.name: decision.values for decision in family.space.decisions if "kernel" in decision.name}
    assert kernels == {"kernel0": (3, 5, 7), "kernel1": (3,)}


def test_resolution_replaces_the_size_of_the_data():
    family = InvertedBottleneck(input_shape=(3, 50, 40), resolution=64)
    assert family.lower(next(family.space.enumerate())).inputs == (("image", (1, 3, 64, 64)),)


@given(st.floats(1, 5000))
def test_rounded_channels_are_multiples_of_eight_near_the_width(width):
    rounded = round_channels(width)
    assert rounded % 8 == 0
    assert rounded >= 0.9 * width
    assert rounded <= max(8, width + 8)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"classes": 1}, "classes is 1"),
        ({"input_shape": (3, 8)}, r"input_shape is \(3, 8\)"),
        ({"input_shape": (0, 8, 8)}, r"input_shape is \(0, 8, 8\)"),
        ({"resolution": 0}, "resolution is 0"),
        ({"kernels": (3, 4)}, r"kernels is \(3, 4\)"),
        ({"kernels": ()}, "kernels is empty"),
        ({"expansions": (0,)}, r"expansions is \(0,\)"),
        ({"width_factors": (-1.0,)}, r"width_factors is \(-1.0,\)"),
        ({"stem": (0, 1)}, r"stem is \(0, 1\)"),
        ({"stages": ()}, "stages is empty"),
        ({"stages": ((3, 16, 1, 1), (3, 16, 0, 1))}, r"stages\[1\] is \(3, 16, 0, 1\)"),
        ({"head": -1}, "head is -1"),
    ],
)
def test_an_illegal_setting_is_refused_by_name(setting, message):
    with pytest.raises(ConfigError, match=message):
        InvertedBottleneck(**setting)

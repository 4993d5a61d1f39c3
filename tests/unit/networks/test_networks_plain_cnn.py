from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.core.errors import ConfigError
from coexplore.networks.plain_cnn import Head, PlainCnn
from coexplore.workloads.op import BatchNorm, Conv2d

CIFAR = PlainCnn(input_shape=(3, 32, 32))

PUBLISHED = [
    pytest.param(
        "5,24,1 1,64,1 5,48,1 7,24,1 5,36,1 1,24,1 5,48,1 3,24,1 7,24,1 3,36,1",
        239.837,
        604_626,
        id="fixed-stride-opt-hw",
    ),
    pytest.param("3,36,1 5,36,1 1,64,1 3,48,2 7,24,1 1,64,1", 58.454, 286_518, id="predictable-stride-opt-hw"),
    pytest.param(
        "1,24,1 7,64,1 1,64,1 5,48,2 5,48,1 7,24,1 7,64,1 5,24,2 1,48,1 5,36,1 1,48,1 7,24,2 1,64,1 7,36,1",
        157.604,
        609_754,
        id="predictable-stride-opt-sw",
    ),
]
"""Layers from the authors' dumps; MACs and totals measured on them, batch normalisation counted as 4 per filter."""


def parse(text):
    return [tuple(int(number) for number in layer.split(",")) for layer in text.split()]


@pytest.mark.parametrize(("layers", "conv_mmacs", "parameters"), PUBLISHED)
def test_published_network_has_its_published_size(layers, conv_mmacs, parameters):
    workload = CIFAR.assemble(parse(layers))
    conv_macs = sum(loops.macs for op, loops in workload.mac_ops() if isinstance(op, Conv2d))
    statistics = sum(op.parameters(workload.input_shapes(op)) for op in workload.ops if isinstance(op, BatchNorm))
    assert conv_macs == pytest.approx(conv_mmacs * 1e6, abs=500)
    assert workload.parameters + statistics == parameters


def test_the_dense_head_of_the_first_published_network_has_its_published_size():
    workload = CIFAR.assemble(parse(PUBLISHED[0].values[0]))
    assert workload.ops[-1].parameters(workload.input_shapes(workload.ops[-1])) == 368_650


@pytest.mark.parametrize(("strides", "choices"), [((1,), 16), ((1, 2), 32)])
def test_a_layer_has_the_published_number_of_choices(strides, choices):
    assert PlainCnn(layers=(14,), strides=strides).space.size == choices**14


def test_depth_multiplies_the_choices_of_the_layers_it_adds():
    assert PlainCnn(layers=(1, 2, 3)).space.size == 16 + 16**2 + 16**3


@given(
    size=st.integers(1, 40),
    kernels=st.sets(st.integers(1, 9), min_size=1, max_size=3),
    strides=st.sampled_from([(1,), (2,), (1, 2), (1, 3)]),
    layers=st.sampled_from([(1,), (3,), (2, 4)]),
    stem=st.sampled_from([None, (0, 1), (8, 2)]),
    head=st.sampled_from(Head),
    seed=st.integers(0, 9),
)
def test_any_legal_setting_lowers_everywhere(size, kernels, strides, layers, stem, head, seed):
    family = PlainCnn(
        input_shape=(2, size, size), kernels=tuple(kernels), strides=strides, layers=layers, stem=stem, head=head
    )
    (point,) = family.space.sample(np.random.default_rng(seed), 1)
    workload = family.lower(point)
    assert workload.shapes[workload.outputs[0]] == (1, 10)


def test_decisions_reach_the_ops():
    family = PlainCnn(layers=(1, 2), strides=(1, 2))
    point = family.space.point(
        {"layers": 2, "kernel0": 7, "filters0": 24, "stride0": 2, "kernel1": 1, "filters1": 64, "stride1": 1}
    )
    convs = [op for op in family.lower(point).ops if isinstance(op, Conv2d)]
    assert [(op.kernel[0], op.out_channels, op.stride[0]) for op in convs] == [(7, 24, 2), (1, 64, 1)]


@pytest.mark.parametrize(("pixels", "stem"), [(8, None), (32, None), (64, (3, 2)), (224, (7, 4))])
def test_larger_images_get_a_stem_that_shrinks_them(pixels, stem):
    family = PlainCnn(input_shape=(3, pixels, pixels), head=Head.AVERAGE)
    first = family.lower(next(family.space.enumerate())).ops[0]
    assert (None if first.name == "conv0" else (first.kernel[0], first.stride[0])) == stem


def test_resolution_replaces_the_size_of_the_data():
    family = PlainCnn(input_shape=(3, 50, 40), resolution=32)
    assert family.lower(next(family.space.enumerate())).inputs == (("image", (1, 3, 32, 32)),)


def test_averaging_head_needs_fewer_parameters():
    layers = [(3, 24, 1)]
    assert PlainCnn(head=Head.AVERAGE).assemble(layers).parameters < PlainCnn().assemble(layers).parameters


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"layers": ()}, r"layers is \(\)"),
        ({"layers": (0,)}, r"layers is \(0,\)"),
        ({"kernels": (0, 3)}, r"kernels is \(0, 3\)"),
        ({"filters": ()}, r"filters is \(\)"),
        ({"strides": (0,)}, r"strides is \(0,\)"),
        ({"stem": (8, 0)}, r"stem is \(8, 0\)"),
        ({"classes": 0}, "classes is 0"),
    ],
)
def test_an_illegal_setting_is_refused_by_name(setting, message):
    with pytest.raises(ConfigError, match=message):
        PlainCnn(**setting)

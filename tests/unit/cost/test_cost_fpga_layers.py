"""Layers of a tile engine: every multiply-accumulate is there once, and registration order walks as published."""

from __future__ import annotations

import pytest

from coexplore.core.errors import WorkloadError
from coexplore.cost.fpga_layers import FpgaLayer, Shapes, fpga_layers, layer_rows, without_depthwise
from coexplore.networks.alexnet import alexnet
from coexplore.networks.bert import bert_base_layer
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.networks.resnet import resnet_18
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Elementwise, Function


@pytest.mark.parametrize("build", [alexnet, bert_base_layer, mobilenet_v2, resnet_18])
def test_all_multiply_accumulates_are_there(build):
    layers = fpga_layers(build())
    assert sum(layer.macs for layer in layers) == build().macs
    assert sum(layer.macs for layer in without_depthwise(layers)) == build().macs


def test_groups_follow_each_other_and_depthwise_layers_do_not():
    grouped = next(layer for layer in fpga_layers(alexnet()) if layer.name == "conv2")
    assert (grouped.B, grouped.M, grouped.N, grouped.depthwise) == (2, 128, 48, False)
    alone = [layer for layer in fpga_layers(mobilenet_v2()) if layer.depthwise]
    assert len(alone) == 17
    assert all(layer.M == layer.N and layer.B == 1 for layer in alone)


def test_registration_order_halves_what_follows_a_shortcut():
    """Published: 895 instead of 1,814 million multiply-accumulates in the convolutions of ResNet-18."""
    true = fpga_layers(resnet_18(), convolutions_only=True)
    walked = fpga_layers(resnet_18(), Shapes.REGISTRATION, convolutions_only=True)
    assert [layer.name for layer in true] == [layer.name for layer in walked]
    assert round(sum(layer.macs for layer in true) / 1e6) == 1814
    assert round(sum(layer.macs for layer in walked) / 1e6) == 895


def test_registration_order_changes_nothing_without_branches():
    assert fpga_layers(alexnet(), Shapes.REGISTRATION) == fpga_layers(alexnet())


def test_linear_layers_can_be_left_out():
    assert [layer.name for layer in fpga_layers(alexnet(), convolutions_only=True)] == [f"conv{i}" for i in range(1, 6)]


def test_a_workload_without_layers_is_refused():
    workload = Workload(
        "empty", (("image", (1, 3, 8, 8)),), (Elementwise("relu", ("image",), Function.RELU),), ("relu",)
    )
    with pytest.raises(WorkloadError, match="'empty' has no convolution"):
        fpga_layers(workload, convolutions_only=True)


def test_registration_order_needs_an_image():
    with pytest.raises(WorkloadError, match="no image"):
        fpga_layers(bert_base_layer(), Shapes.REGISTRATION)


def test_sizes_that_mean_nothing_are_refused():
    with pytest.raises(WorkloadError, match="'layer' has a size of 0"):
        FpgaLayer("layer", 0, 3, 8, 8)
    with pytest.raises(WorkloadError, match="depthwise with 3 inputs and 4 outputs"):
        FpgaLayer("layer", 4, 3, 8, 8, depthwise=True)


def test_rows_keep_every_size():
    layer = FpgaLayer("layer", 3, 3, 4, 5, (6, 7), (8, 9), (10, 11), (12, 13), 14, True)
    assert layer_rows([layer]).tolist() == [[14, 3, 3, 4, 5, 6, 7, 8, 9, 12, 13, 10, 11, 1]]

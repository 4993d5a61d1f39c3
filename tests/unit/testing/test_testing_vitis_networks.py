"""Names of the model zoo become our networks only where the published operations say that they are the same."""

from __future__ import annotations

import pytest

from coexplore.testing.vitis_networks import vitis_network


def row(model: str, stated: float | None = None, listed: float | None = None) -> dict[str, object]:
    return {"model": model, "ops_g_from_name": stated, "ops_g": listed}


@pytest.mark.parametrize(
    ("model", "stated", "macs_g"),
    [
        ("cf_resnet50_imagenet_224_224_7.7G", 7.7, 4.09),
        ("tf_mobilenetv2_1.0_imagenet_224_224_0.59G", 0.59, 0.30),
        ("tf_vgg16_imagenet_224_224_30.96G", 30.96, 15.47),
    ],
)
def test_a_name_is_the_network_of_its_operations(model, stated, macs_g):
    network = vitis_network(row(model, stated))
    assert network is not None
    assert network.macs / 1e9 == pytest.approx(macs_g, rel=0.01)


def test_a_pruned_network_is_not_the_whole_one():
    assert vitis_network(row("tf_vgg16_imagenet_224_224_0.43_17.67G", 17.67)) is None


def test_unknown_names_and_rows_without_operations_are_left_out():
    assert vitis_network(row("pt_yolox-nano_coco_416_416_1G", 1.0)) is None
    assert vitis_network(row("cf_resnet50_imagenet_224_224_7.7G")) is None


def test_a_network_is_built_once():
    first, again = (vitis_network(row("cf_resnet50_imagenet_224_224_7.7G", 7.7)) for _ in range(2))
    assert first is again

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from coexplore.core.errors import ConfigError, WorkloadError
from coexplore.networks.alexnet import alexnet
from coexplore.networks.bert import bert_base_layer
from coexplore.networks.inverted_bottleneck import MOBILENET_V2, InvertedBottleneck
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.networks.network import NETWORK_PRESETS
from coexplore.networks.resnet import resnet_18, resnet_50
from coexplore.networks.vgg import vgg_16
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d

REPOSITORY = Path(__file__).parents[3]
TABLES = {
    "alexnet": "alexnet_grouped.csv",
    "bert-base-layer": "bert_base_layer_s128.csv",
    "mobilenet-v2": "mobilenetv2.csv",
    "resnet-18": "resnet18.csv",
    "resnet-50": "resnet50.csv",
    "vgg-16": "vgg16.csv",
}
PARAMETERS = {
    "alexnet-one-column": 61_100_840,
    "efficientnet-lite0": 4_652_008,
    "mnasnet-1.0": 4_383_312,
    "proxylessnas-mobile": 4_080_512,
    "vgg-11": 132_863_336,
    "vgg-13": 133_047_848,
}
"""Of presets without a table."""
COLUMNS = ("layer", "N", "K", "C", "P", "Q", "R", "S", "stride_h", "stride_w", "groups", "macs", "repeat")


def reference_layers() -> Path:
    beside_data = os.environ.get("COEXPLORE_DATA")
    shared = Path(beside_data).parent if beside_data else REPOSITORY.parent / "shared"
    folder = shared / "reference" / "layers"
    if not folder.is_dir():
        pytest.skip(
            f"the reference layer tables are not at {folder}; set COEXPLORE_DATA to the data folder beside them"
        )
    return folder


def published_rows(path: Path) -> list[tuple[object, ...]]:
    with path.open(newline="") as file:
        return [
            (row["layer"].removesuffix("_per_head"), *(int(row[column]) for column in COLUMNS[1:]))
            for row in csv.DictReader(file)
        ]


def own_rows(workload: Workload) -> list[tuple[object, ...]]:
    """In the convention of the tables: K and C over all groups, heads of an activation product as repeats."""
    rows = []
    for op, loops in workload.mac_ops():
        groups, repeat = (loops.G, 1) if isinstance(op, Conv2d) else (1, loops.G)
        sizes = (loops.N, loops.K * groups, loops.C * groups, loops.P, loops.Q, loops.R, loops.S)
        rows.append((op.name, *sizes, *loops.stride, groups, loops.macs // repeat, repeat))
    return rows


@pytest.mark.data
@pytest.mark.parametrize("name", sorted(TABLES))
def test_layer_table_equals_the_published_one_row_by_row(name):
    published = published_rows(reference_layers() / TABLES[name])
    assert sorted(own_rows(NETWORK_PRESETS.get(name)())) == sorted(published)


def test_every_preset_has_a_published_table_or_number_of_parameters():
    layer_sets = {name for name in NETWORK_PRESETS if name.startswith("codesign-")}
    assert set(NETWORK_PRESETS) - layer_sets == set(TABLES) | set(PARAMETERS)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_presets_without_a_table_have_the_parameters_of_the_common_implementations(name):
    assert NETWORK_PRESETS.get(name)().parameters == PARAMETERS[name]


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [
        (mobilenet_v2, 3_504_872),
        (resnet_18, 11_689_512),
        (resnet_50, 25_557_032),
        (vgg_16, 138_357_544),
        (alexnet, 60_965_224),
        (bert_base_layer, 7_087_872),
    ],
)
def test_parameters_equal_those_of_the_common_implementations(preset, parameters):
    assert preset().parameters == parameters


def test_mobilenet_v2_is_the_base_point_of_its_family():
    family = InvertedBottleneck(input_shape=(3, 224, 224), classes=1000)
    assignment = {}
    for stage, (expansion, width, depth, _) in enumerate(MOBILENET_V2.rows):
        assignment |= {f"kernel{stage}": 3, f"expansion{stage}": expansion}
        assignment |= {f"width{stage}": width, f"depth{stage}": depth}
    network = family.lower(family.space.point(assignment))
    assert list(network.nests.values()) == list(mobilenet_v2().nests.values())
    assert [type(op) for op in network.ops] == [type(op) for op in mobilenet_v2().ops]


@pytest.mark.parametrize("preset", [mobilenet_v2, resnet_18, resnet_50, vgg_16, alexnet])
def test_image_presets_take_other_images_and_classes(preset):
    workload = preset(input_shape=(1, 96, 80), classes=7)
    assert workload.inputs == (("image", (1, 1, 96, 80)),)
    assert workload.shapes[workload.outputs[0]] == (1, 7)


def test_an_image_too_small_for_its_pooling_is_refused():
    with pytest.raises(WorkloadError, match="pool5"):
        vgg_16(input_shape=(3, 16, 16))


@pytest.mark.parametrize("preset", [mobilenet_v2, resnet_18, vgg_16, alexnet])
def test_a_classifier_without_classes_is_refused(preset):
    with pytest.raises(ConfigError, match=r"classes is 1"):
        preset(classes=1)


def test_a_sequence_without_tokens_is_refused():
    with pytest.raises(ConfigError, match=r"tokens is 0"):
        bert_base_layer(tokens=0)


def test_attention_macs_grow_with_the_square_of_the_sequence():
    def scores(tokens):
        return next(loops.macs for op, loops in bert_base_layer(tokens).mac_ops() if op.name == "attn_scores")

    assert scores(256) == 4 * scores(128)

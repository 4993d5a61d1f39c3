"""The spaces of NAHAS: their sizes, the networks that are known in them, what fusing and groups do to a block."""

from __future__ import annotations

import numpy as np
import pytest

from coexplore.core.errors import ConfigError
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.networks.nahas import MOBILENET_V2_STAGES, NahasS1, NahasS2, NahasS3, efficientnet_lite0
from coexplore.workloads.op import Conv2d

STAGES = ((3, 1, 16, 1, 1), (3, 6, 24, 2, 2))


def convolutions(workload):
    return {op.name: op for op in workload.ops if isinstance(op, Conv2d)}


def test_sizes_are_those_of_the_publication():
    assert NahasS1().space.size == 3 * 6**16
    assert NahasS2().space.size == 3 * 6**15


def test_s3_has_normal_blocks_and_fused_ones_in_groups_and_a_width_per_stage():
    shapes = 3 * 2
    normal_or_fused = shapes * (1 + 3)
    widths = 2 * 2 * 3**5  # 12 and 18 channels are rounded up to 16 and 24, which are there already
    assert NahasS3().space.size == (3 * (1 + 3)) * normal_or_fused**15 * widths


def test_the_plain_network_of_s1_is_mobilenet_v2():
    family = NahasS1()
    assert family.lower(family.plain).ops == mobilenet_v2().ops
    small = NahasS1(input_shape=(1, 32, 32), classes=7)
    assert small.lower(small.plain).ops == mobilenet_v2((1, 32, 32), 7).ops


def test_the_plain_networks_of_s2_and_s3_are_efficientnet_lite0():
    for family in (NahasS2(), NahasS3()):
        assert family.lower(family.plain).ops == efficientnet_lite0().ops


@pytest.mark.data
def test_efficientnet_lite0_has_the_published_parameters(data_folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(data_folder / "timm_imagenet_accuracy.parquet").to_pylist()
    (row,) = [row for row in rows if row["model"] == "efficientnet_lite0.ra_in1k"]
    network = efficientnet_lite0()
    assert round(1e-6 * network.parameters, 2) == row["param_count"]
    assert 1e-9 * network.macs == pytest.approx(row["gmacs"], abs=0.02)


@pytest.mark.parametrize("kind", [NahasS1, NahasS2, NahasS3])
def test_other_tables_heads_and_values_are_settings(kind):
    family = kind(input_shape=(1, 28, 28), classes=10, stem=(8, 1), stages=STAGES, head=0, kernels=(3, 5))
    workload = family.lower(family.plain)
    found = convolutions(workload)
    assert found["conv_stem"].out_channels == 8
    assert found["conv_stem"].stride == (1, 1)
    assert "conv_head" not in found
    assert workload.shapes["fc"] == (1, 10)
    assert family.space.decisions[family.space.names.index("kernel0")].values == (3, 5)


def test_every_block_has_choices_of_its_own():
    family = NahasS1()
    point = family.space.point({**family.plain, "kernel3": 7, "expansion4": 3})
    plain, other = convolutions(family.lower(family.plain)), convolutions(family.lower(point))
    assert {name for name in plain if plain[name] != other[name]} == {"block3.dw", *(
        f"block4.{part}" for part in ("expand", "dw")
    )}  # fmt: skip
    assert other["block3.dw"].kernel == (7, 7)
    assert other["block4.expand"].out_channels == plain["block4.expand"].out_channels // 2


def test_a_fused_block_is_one_grouped_convolution_that_strides_and_a_linear_one():
    family = NahasS3(stages=STAGES, width_factors=(1.0,))
    choice = {"kind1": "fused", "kernel1": 5, "expansion1": 3, "groups1": 4}
    workload = family.lower(family.space.point({**family.plain, **choice}))
    found = convolutions(workload)
    assert [name for name in found if name.startswith("block1.")] == ["block1.fused", "block1.project"]
    fused, project = found["block1.fused"], found["block1.project"]
    assert (fused.kernel, fused.stride, fused.groups, fused.out_channels) == ((5, 5), (2, 2), 4, 48)
    assert (project.kernel, project.stride, project.out_channels) == ((1, 1), (1, 1), 24)
    assert workload.shapes["block1.project"] == (1, 24, 56, 56)


def test_groups_divide_the_work_of_a_fused_convolution():
    family = NahasS3(stages=STAGES)
    macs = []
    for groups in (1, 2, 4):
        choice = {"kind1": "fused", "groups1": groups}
        workload = family.lower(family.space.point({**family.plain, **choice}))
        macs.append(workload.nests["block1.fused"].macs)
    assert macs == [macs[0], macs[0] // 2, macs[0] // 4]


def test_an_unfused_block_has_no_groups():
    family = NahasS3(stages=STAGES)
    assert "groups1" not in family.plain
    assert "groups1" in family.space.point({**family.plain, "kind1": "fused", "groups1": 2})


def test_the_filters_of_a_stage_are_scaled_together_so_that_inputs_are_added():
    family = NahasS3(stages=STAGES)
    assert family.space.decisions[family.space.names.index("width1")].values == (24, 32)
    workload = family.lower(family.space.point({**family.plain, "width1": 32}))
    assert workload.shapes["block2.add"] == (1, 32, 56, 56)


def test_networks_of_s3_differ_in_latency_relevant_work():
    family = NahasS3()
    macs = [family.lower(point).macs for point in family.space.sample(np.random.default_rng(0), 30)]
    assert max(macs) > 1.5 * min(macs)


@pytest.mark.parametrize("kind", [NahasS1, NahasS2, NahasS3])
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"classes": 1}, "classes is 1"),
        ({"kernels": (4,)}, r"kernels is \(4,\)"),
        ({"kernels": ()}, "kernels is"),
        ({"expansions": (0,)}, r"expansions is \(0,\)"),
        ({"stem": (0, 1)}, r"stem is \(0, 1\)"),
        ({"stages": ()}, "stages is empty"),
        ({"stages": ((3, 1, 16, 1, 1), (3, 6, 0, 1, 1))}, r"stages\[1\] is \(3, 6, 0, 1, 1\)"),
        ({"head": -1}, "head is -1"),
    ],
)
def test_an_illegal_setting_is_refused_by_name(kind, setting, message):
    with pytest.raises(ConfigError, match=message):
        kind(**setting)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"groups": ()}, "groups is"),
        ({"groups": (1, 3)}, r"3 does not divide 16 channels"),
        ({"width_factors": ()}, "width_factors is"),
        ({"width_factors": (0.0,)}, "width_factors is"),
    ],
)
def test_an_illegal_setting_of_s3_is_refused_by_name(setting, message):
    with pytest.raises(ConfigError, match=message):
        NahasS3(**setting)


def test_a_table_of_s1_can_be_searched_as_s3():
    family = NahasS3(stages=MOBILENET_V2_STAGES)
    assert family.lower(family.plain).ops == mobilenet_v2().ops

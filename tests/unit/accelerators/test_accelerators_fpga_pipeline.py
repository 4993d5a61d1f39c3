"""A pool of FPGAs is described, or refused with one message that names the field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coexplore.accelerators.family import accelerator_names, find_accelerator
from coexplore.accelerators.fpga import FpgaDesign, Ports
from coexplore.accelerators.fpga_pipeline import FIXED, PIPELINE, SOLVED, Board, Engine, FpgaPipeline
from coexplore.core.errors import AcceleratorError
from coexplore.spaces.space import Point

DESIGN = FpgaDesign(tm=8, tn=4, tr=8, tc=8, tk=5, ports=Ports(2, 2, 2))
MINE = Board("mine", 100, 100, 10_000, 5_000, 128, 1.6, 1e8, 3.0)


def test_a_name_that_stands_there_twice_is_two_boards():
    boards = FpgaPipeline(pool=("7a50t", "pynq-z2", "7a50t")).decode(Point())
    assert [(entry.device.name, entry.count) for entry in boards.pool.entries] == [("7a50t", 2), ("pynq-z2", 1)]
    assert boards.name == "2 x 7a50t + 1 x pynq-z2"


def test_a_board_costs_its_power_unless_a_cost_is_given():
    entries = FpgaPipeline(pool=("7a50t", "pynq-z2"), costs=(("pynq-z2", 9.0),)).decode(Point()).pool.entries
    assert [entry.cost for entry in entries] == [entries[0].device.power_w, 9.0]


def test_without_engines_nothing_is_to_decide_and_with_them_one_thing():
    assert FpgaPipeline().space.size == 1
    family = FpgaPipeline(engines=(Engine("7a50t", DESIGN), Engine("pynq-z2", DESIGN)))
    fixed, solved = (family.decode(family.space.point({PIPELINE: value})) for value in (FIXED, SOLVED))
    assert [engine.entry.device.name for engine in fixed.engines] == ["7a50t", "pynq-z2"]
    assert not solved.engines
    assert family.decode(family.presets["baseline"]) == fixed


def test_a_board_of_ones_own_has_the_numbers_given():
    (entry,) = FpgaPipeline(pool=("mine",), boards=(MINE,)).decode(Point()).pool.entries
    assert (entry.device.dsp, entry.device.power_w, entry.cost) == (100, 3.0, 3.0)


WRONG = [
    ({"pool": ()}, "fpga-pool.pool has no FPGA"),
    ({"pool": ("zcu103",)}, "unknown FPGA 'zcu103'; did you mean 'zcu104'"),
    ({"pool": ("mine2",), "boards": (MINE,)}, "unknown FPGA 'mine2'; known: mine, "),
    ({"throughput_per_s": 0.0}, "fpga-pool.throughput_per_s is 0"),
    ({"throughput_per_s": float("nan")}, "fpga-pool.throughput_per_s is nan"),
    ({"stages": 4}, "fpga-pool.stages is 4; the pool has 3 FPGAs, give 1 to 3"),
    ({"stages": 0}, "fpga-pool.stages is 0"),
    ({"costs": (("pynq-z2", -1.0),)}, "fpga-pool.costs is -1.0 for 'pynq-z2'"),
    ({"engines": (Engine("zcu103", DESIGN),)}, "unknown FPGA 'zcu103'"),
    ({"engines": (Engine("7a50t", DESIGN), Engine("7a50t", replace(DESIGN, tn=16)))},
     "fpga-pool.engines.1 is too large: it needs 128 DSP slices, '7a50t' has 120"),
    ({"engines": (Engine("7a50t", replace(DESIGN, ports=Ports(3, 3, 3))),)},
     "fpga-pool.engines.0 is too large: it needs 144 bits of its ports, '7a50t' has 128"),
    ({"engines": (Engine("pynq-z2", replace(DESIGN, ports=Ports(5, 5, 5))),)},
     "fpga-pool.engines.0 is too large: it needs 240 bits per cycle of its memory, 'pynq-z2' has 168"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_is_wrong_is_said(settings, message):
    with pytest.raises(AcceleratorError) as caught:
        FpgaPipeline(**settings)
    assert message in str(caught.value)


def test_a_board_without_multipliers_is_refused():
    with pytest.raises(AcceleratorError, match="dsp is 0; the tile engine multiplies in DSP slices"):
        Board("mine", 0, 100, 10_000, 5_000, 128, 1.6, 1e8, 3.0)


def test_a_board_whose_ports_are_narrower_than_three_words_is_refused():
    with pytest.raises(AcceleratorError, match="its ports move 32 bits per cycle; the three ports of an engine"):
        Board("mine", 100, 100, 10_000, 5_000, 32, 1.6, 1e8, 3.0)


def test_negative_ports_are_refused():
    with pytest.raises(AcceleratorError, match=r"ports\.input is -2"):
        Ports(2, -2, 2)


def test_a_pool_is_no_accelerator_that_has_a_name():
    assert not any(name.startswith("fpga-pool") for name in accelerator_names())
    with pytest.raises(AcceleratorError, match="use it in a study"):
        find_accelerator("fpga-pool")

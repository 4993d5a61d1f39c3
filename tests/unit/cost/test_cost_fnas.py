"""The design step of FNAS: the split and the engines of two published cases, and its laws."""

from __future__ import annotations

import pytest

from coexplore.core.errors import AcceleratorError
from coexplore.cost.fnas import fnas_design
from coexplore.cost.fpga_layers import fpga_layers
from coexplore.networks.plain_cnn import PlainCnn


def network(*layers):
    workload = PlainCnn(input_shape=(1, 28, 28)).assemble([(kernel, filters, 1) for kernel, filters in layers])
    return fpga_layers(workload, convolutions_only=True)


@pytest.mark.parametrize(
    ("layers", "split", "tiles", "cycles"),
    [
        (((5, 36),) * 4, [2, 72, 72, 72], [(2, 1), (2, 36), (2, 36), (2, 36)], [720_000] * 4),
        (
            ((7, 18), (5, 36), (5, 18), (7, 9)),
            [4, 86, 86, 42],
            [(4, 1), (9, 9), (9, 9), (2, 18)],
            [392_000, 320_000, 320_000, 392_000],
        ),
    ],
)
def test_published_cases(layers, split, tiles, cycles):
    """Measured on the public script, 220 DSPs."""
    found = fnas_design(network(*layers), 220)
    assert [layer.budget for layer in found.layers] == split
    assert [(layer.design.tm, layer.design.tn) for layer in found.layers] == tiles
    assert [layer.cycles for layer in found.layers] == cycles
    assert (found.slowest_cycles, found.serial_cycles) == (max(cycles), sum(cycles))


def test_floating_point_takes_five_slices():
    layers = network((5, 36), (5, 36))
    assert [layer.budget for layer in fnas_design(layers, 500, bits=32).layers] == [
        layer.budget for layer in fnas_design(layers, 100).layers
    ]


def test_nothing_and_no_dsps_are_refused():
    with pytest.raises(AcceleratorError, match="no layers"):
        fnas_design([], 220)
    with pytest.raises(AcceleratorError, match="dsp is 0"):
        fnas_design(network((5, 9)), 0)

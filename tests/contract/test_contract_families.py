"""The families of this package keep the promises of families."""

from __future__ import annotations

from typing import ClassVar

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accelerators.family import ACCELERATOR_PRESETS
from coexplore.accelerators.fpga_tiles import FpgaTiles
from coexplore.accelerators.systolic import Systolic
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.networks.nas_bench_macro import NasBenchMacro
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.testing.accelerator_contract import AcceleratorContract, AcceleratorFamilyContract
from coexplore.testing.network_contract import NetworkFamilyContract


class TestEdgeArray(AcceleratorFamilyContract):
    family = EdgeArray()


class TestFpgaTiles(AcceleratorFamilyContract):
    family = FpgaTiles()


class TestSystolic(AcceleratorFamilyContract):
    family = Systolic()


class TestAcceleratorPresets(AcceleratorContract):
    accelerators: ClassVar = {name: ACCELERATOR_PRESETS.get(name)() for name in ACCELERATOR_PRESETS}


class TestSmallInvertedBottleneck(NetworkFamilyContract):
    family = InvertedBottleneck()
    input_shape = (1, 8, 8)
    classes = 10


class TestLargeInvertedBottleneck(NetworkFamilyContract):
    family = InvertedBottleneck(input_shape=(3, 224, 224), classes=1000)
    input_shape = (3, 224, 224)
    classes = 1000


class TestPlainCnn(NetworkFamilyContract):
    family = PlainCnn(input_shape=(1, 28, 28), classes=10)
    input_shape = (1, 28, 28)
    classes = 10


class TestNasBenchMacro(NetworkFamilyContract):
    family = NasBenchMacro()
    input_shape = (3, 32, 32)
    classes = 10

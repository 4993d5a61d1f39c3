"""The families of this package keep the promises of families."""

from __future__ import annotations

from typing import ClassVar

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accelerators.eyeriss_like import EyerissLike
from coexplore.accelerators.family import ACCELERATOR_PRESETS
from coexplore.accelerators.fpga_tiles import FpgaTiles
from coexplore.accelerators.systolic import Systolic
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.networks.encoder_decoder import EncoderDecoder
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.networks.nahas import NahasS1, NahasS2, NahasS3
from coexplore.networks.nas_bench_macro import NasBenchMacro
from coexplore.networks.nb201 import Nb201
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.networks.proxyless import Proxyless
from coexplore.testing.accelerator_contract import AcceleratorContract, AcceleratorFamilyContract
from coexplore.testing.network_contract import NetworkFamilyContract


class TestEdgeArray(AcceleratorFamilyContract):
    family = EdgeArray()


class TestEyerissLike(AcceleratorFamilyContract):
    family = EyerissLike()


class TestEyerissLike256(AcceleratorFamilyContract):
    family = EyerissLike("eyeriss-256")


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


class TestNb201(NetworkFamilyContract):
    family = Nb201()
    input_shape = (3, 32, 32)
    classes = 10


class TestNahasS1(NetworkFamilyContract):
    family = NahasS1()
    input_shape = (3, 224, 224)
    classes = 1000


class TestNahasS2(NetworkFamilyContract):
    family = NahasS2()
    input_shape = (3, 224, 224)
    classes = 1000


class TestNahasS3(NetworkFamilyContract):
    family = NahasS3()
    input_shape = (3, 224, 224)
    classes = 1000


class TestSmallNahasS3(NetworkFamilyContract):
    family = NahasS3(
        input_shape=(1, 28, 28), classes=10, stem=(8, 1), stages=((3, 1, 8, 1, 1), (3, 3, 16, 2, 2)), head=0
    )
    input_shape = (1, 28, 28)
    classes = 10


class TestProxyless(NetworkFamilyContract):
    family = Proxyless()
    input_shape = (3, 224, 224)
    classes = 1000


class TestAccelNasBench(NetworkFamilyContract):
    family = AccelNasBench()
    input_shape = (3, 224, 224)
    classes = 1000


class TestEncoderDecoder(NetworkFamilyContract):
    family = EncoderDecoder()
    input_shape = (1, 32, 32)
    classes = 4
    labels = (32, 32)


class TestStridedEncoderDecoder(NetworkFamilyContract):
    family = EncoderDecoder(input_shape=(3, 64, 48), classes=5, stem=(8, 2), widths=(16, 24))
    input_shape = (3, 64, 48)
    classes = 5
    labels = (64, 48)

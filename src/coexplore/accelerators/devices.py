"""Which accelerator describes a device one can buy? Public facts turned into hardware, nothing fitted to measurements.

A description holds what a vendor states: parallelism, clock, memory bandwidth, on-chip memory. Nobody publishes the
energies or areas of these devices, so both are zero: only latencies mean something. Memory ports inside a device are
as wide as its array needs.

References:
    PG338: DPUCZDX8G for Zynq UltraScale+ MPSoCs product guide, 3.4 and 4.1: parallelism 8 pixels x 16 x 16 channels of
        the B4096; depthwise convolutions run beside the array, on 4 pixels x 16 channels; two 128-bit data ports;
        255 block RAMs; channel augmentation for first layers.
    PG367: DPUCAHX8H product guide 1.0: 4096 operations per cycle and engine (7373 GOPS by 6 engines at 300 MHz).
    PG389: DPUCVDX8G product guide 1.3: 256 operations per cycle and AI Engine, 32 engines per batch handler.
    Jouppi2020: Jouppi et al., A domain-specific supercomputer for training deep neural networks, CACM 63(7), 2020
        (recalled): one 128 x 128 matrix unit per core at 700 MHz, 16 MB of vector memory per core.
    Li2021: Li et al., Searching for fast model families on datacenter accelerators, CVPR 2021 (recalled): depthwise
        convolutions run on the vector units.
    CloudTPU: Google's system architecture pages (recalled): 600 GB/s of HBM per TPU v2 chip of two cores.
    Coral: data sheets of the Coral products: 4 TOPS at 8 bits, 8 MB of SRAM.
    Zhang2015: Zhang et al., Optimizing FPGA-based accelerator design for deep convolutional neural networks, FPGA 2015:
        output channels x input channels unrolled.
    DS190: Zynq-7000 overview: the XC7Z045 has 900 DSP slices and 545 block RAMs of 36 Kb.
"""

from __future__ import annotations

from coexplore.accelerators.accelerator import Accelerator, Dim, MacUnit, MemoryLevel, Operand, SpatialAxis, VectorUnit

_DPU_AXES = (
    SpatialAxis("pixel", 8, (Dim.P, Dim.Q)),
    SpatialAxis("input_channel_outer", 4, (Dim.C,)),
    SpatialAxis("input_channel_inner", 4, (Dim.C, Dim.S)),
    SpatialAxis("output_channel", 16, (Dim.K,)),
)
_DPU_DEPTHWISE_AXES = (SpatialAxis("pixel", 4, (Dim.P, Dim.Q)), SpatialAxis("channel", 16, (Dim.G,)))
_DPU_LOGIC_HZ = 333e6
"""Clock of the logic beside the AI Engines (PG389)."""
_DPU_PORT_BYTES = 2 * 128 / 8
DDR4_BYTES_PER_S = 25.6e9
"""One 64-bit DDR4-3200."""
BLOCK_RAM_BYTES = 4096
"""Data of one 36 Kb block RAM, parity left out."""


def dpu_b4096(clock_hz: float) -> Accelerator:
    """One core of the Zynq UltraScale+ DPU (PG338); depthwise convolutions run beside it, see `dpu_depthwise`.

    A first layer unrolls filter columns where its channels are few.
    """
    return _device("dpu-b4096", clock_hz, _DPU_PORT_BYTES, 255 * BLOCK_RAM_BYTES, _DPU_AXES, 4 * 16)


def dpu_depthwise(clock_hz: float) -> Accelerator:
    """What runs the depthwise convolutions of that core (PG338)."""
    return _device("dpu-depthwise", clock_hz, _DPU_PORT_BYTES, 255 * BLOCK_RAM_BYTES, _DPU_DEPTHWISE_AXES, 4 * 16)


def dpu_hbm(engines: int, clock_hz: float) -> Accelerator:
    """The Alveo DPU for cards with HBM (PG367): engines of 4096 operations per cycle, one image each, shared weights.

    How an engine divides them is not stated: as in the B4096, whose channel parallelism it has. Ours are a port to HBM
    of 256 bits and 2 MB of memory per engine. It states no support for depthwise convolutions.
    """
    return _device(
        f"dpu-hbm-{engines}", clock_hz, engines * 256 / 8, 2 * 2**20, _DPU_AXES, engines * 64, engines=engines
    )


def dpu_versal(handlers: int, clock_hz: float, bandwidth_bytes_per_s: float = DDR4_BYTES_PER_S) -> Accelerator:
    """The Versal DPU (PG389): batch handlers of 32 AI Engines, 128 multiply-accumulates per cycle each.

    A handler has one image, weights are shared. How its engines divide a convolution is not stated: 8 pixels x 16 x 32
    channels is ours, as are 2 MB of memory per handler. Vector operations run in the logic beside the engines.
    """
    axes = (*_DPU_AXES[:3], SpatialAxis("output_channel", 32, (Dim.K,)))
    vector_operations = handlers * 64 * _DPU_LOGIC_HZ / clock_hz
    bandwidth = bandwidth_bytes_per_s / clock_hz
    return _device(f"dpu-versal-{handlers}", clock_hz, bandwidth, 2 * 2**20, axes, vector_operations, engines=handlers)


def dpu_versal_depthwise(handlers: int, bandwidth_bytes_per_s: float = DDR4_BYTES_PER_S) -> Accelerator:
    """What runs its depthwise convolutions: a module per handler in the logic (PG389), as wide as the Zynq's (ours)."""
    bandwidth = bandwidth_bytes_per_s / _DPU_LOGIC_HZ
    return _device(
        f"dpu-versal-depthwise-{handlers}", _DPU_LOGIC_HZ, bandwidth, 2 * 2**20, _DPU_DEPTHWISE_AXES, handlers * 64,
        engines=handlers,
    )  # fmt: skip


def tpu_v2_core() -> Accelerator:
    """One core of a TPU v2 (Jouppi2020, CloudTPU): 128 x 128 multipliers, 16 bit, half the chip's HBM.

    Pixels stream past the weights. A depthwise convolution fills the diagonal; see `tpu_v2_vector_unit`.
    """
    return _device("tpu-v2-core", 700e6, 300e9 / 700e6, 16 * 2**20, _matrix_unit(), 8 * 128 * 2, bits=16)


def tpu_v3_core() -> Accelerator:
    """One core of a TPU v3 (Jouppi2020, CloudTPU): two units that split the images, 940 MHz, half of 900 GB/s."""
    axes = (SpatialAxis("unit", 2, (Dim.N, Dim.P)), *_matrix_unit())
    return _device("tpu-v3-core", 940e6, 450e9 / 940e6, 16 * 2**20, axes, 8 * 128 * 2, bits=16)


def tpu_v2_vector_unit() -> Accelerator:
    """The vector unit of that core, 8 x 128 lanes (Jouppi2020), which runs depthwise convolutions (Li2021).

    Images, channels or pixels lie along the lanes. One multiply-accumulate per lane and cycle is ours.
    """
    return _vector_unit("tpu-v2-vector-unit", 700e6, 300e9)


def tpu_v3_vector_unit() -> Accelerator:
    """The same unit of a TPU v3 core."""
    return _vector_unit("tpu-v3-vector-unit", 940e6, 450e9)


def _vector_unit(name: str, clock_hz: float, bytes_per_s: float) -> Accelerator:
    dims = (Dim.N, Dim.G, Dim.K, Dim.P, Dim.Q)
    axes = (SpatialAxis("sublane", 8, dims), SpatialAxis("lane", 128, dims))
    return _device(name, clock_hz, bytes_per_s / clock_hz, 16 * 2**20, axes, 8 * 128 * 2, bits=16)


def _matrix_unit() -> tuple[SpatialAxis, ...]:
    return (
        SpatialAxis("row", 128, (Dim.C,), hop_cycles=1),
        SpatialAxis("column", 128, (Dim.K, Dim.G), hop_cycles=1),
    )


EDGE_TPU_CACHE_BYTES = 8 * 10**6
"""On-chip memory (Coral); weights beyond it come over the host link with each inference."""
PCIE_BYTES_PER_S = 500e6
"""PCIe generation 2, one lane: the Dev Board."""
USB3_BYTES_PER_S = 500e6
"""5 Gb/s after 8b/10b coding: the USB Accelerator."""


def edge_tpu() -> Accelerator:
    """The Coral Edge TPU: 4 TOPS (Coral), by common estimate 64 x 64 multipliers at 480 MHz.

    Its main memory here is its own SRAM, of unlimited bandwidth; the host link is for the caller to add.
    """
    axes = (
        SpatialAxis("row", 64, (Dim.C,)),
        SpatialAxis("column", 64, (Dim.K, Dim.G)),
    )
    return _device("edge-tpu", 480e6, None, EDGE_TPU_CACHE_BYTES, axes, 64)


def zc706() -> Accelerator:
    """A Zynq XC7Z045 with channels unrolled (Zhang2015): 32 x 16 of its 900 DSP slices (DS190).

    The unrolling, 200 MHz, 16 bits and 4.2 GB/s of its 32-bit DDR3-1066 are ours: the source of the measured column
    states the board, not the design.
    """
    axes = (SpatialAxis("output_channel", 32, (Dim.K, Dim.G)), SpatialAxis("input_channel", 16, (Dim.C,)))
    return _device("zc706", 200e6, 4.2e9 / 200e6, 545 * BLOCK_RAM_BYTES, axes, 32, bits=16)


def _device(
    name: str,
    clock_hz: float,
    memory_bytes_per_cycle: float | None,
    buffer_bytes: int,
    fanout: tuple[SpatialAxis, ...],
    vector_operations: float,
    *,
    bits: int = 8,
    engines: int = 1,
) -> Accelerator:
    """Main memory, and engines with one image, one buffer and one array each."""
    everything = tuple(Operand)
    batch = (SpatialAxis("engine", engines, (Dim.N,)),)
    return Accelerator(
        name=name,
        clock_hz=clock_hz,
        levels=(
            MemoryLevel("dram", everything, None, memory_bytes_per_cycle, None, 0.0, 0.0, fanout=batch),
            MemoryLevel("buffer", everything, buffer_bytes, None, None, 0.0, 0.0, fanout=fanout),
        ),
        mac=MacUnit(bits, 0.0, 0.0),
        vector=VectorUnit(operations_per_cycle=vector_operations, energy_j=0.0),
    )

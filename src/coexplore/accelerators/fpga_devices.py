"""Which FPGAs are known by name? Resources, memory and power of boards and parts, with sources.

The ZCU102's DSP slices, block RAMs and ports are those that (Jiang2020) states. All other resources are recalled from
the data sheets and were not read again. DSP slices, block RAMs and look-up tables of XC7Z010, XC7Z020, XC7A100T,
XCZU3EG and XCZU7EV agree with what others have published of the tools' reports; those of XC7Z015, XC7A50T and XC7Z045
were not found again. Look-up tables that can be memory are the "maximum distributed RAM" in units of 64 bits. A
board's bandwidth is data rate times width of the memory that the logic reaches. The port width is that of the
high-performance ports (Zynq), or of the memory controller's user side (parts without a processor, ours: a 16-bit DDR3
component). Clocks are ours: 200 MHz as in (Jiang2020) for UltraScale+, 100 MHz for the 7 series.

Power is the board's while it runs a network, from measurements others have published, all recalled. It depends on the
design, so every entry has an uncertainty of a half, and a figure must be replaced before it is quoted.

References:
    Jiang2020: Jiang et al. (HotNAS), arXiv 2007.09087, Section IV-A.
    DS891: AMD, Zynq UltraScale+ MPSoC Data Sheet: Overview.
    DS190: AMD, Zynq-7000 SoC Data Sheet: Overview.
    DS180: AMD, 7 Series FPGAs Data Sheet: Overview.
    UG1182, UG1267, UG954: AMD, user guides of ZCU102, ZCU104 and ZC706.
    Lu2017: Lu et al., Evaluating fast algorithms for convolutional neural networks on FPGAs, FCCM 2017.
    Zhang2020: Zhang et al., SkyNet, MLSys 2020.
    Qiu2016: Qiu et al., Going deeper with embedded FPGA platform for convolutional neural network, FPGA 2016.
    Zhang2018: DAC system design contest 2018, entries on PYNQ-Z1, in (Zhang2020).
"""

from __future__ import annotations

from coexplore.accelerators.fpga import FpgaDevice, FpgaPool, PoolEntry
from coexplore.core.errors import AcceleratorError, did_you_mean

MHZ = 1e6
SMALL_PART = "estimate (ours): a 7-series part of this size on a small board"

FPGA_DEVICES: dict[str, FpgaDevice] = {
    device.name: device
    for device in (
        FpgaDevice(
            "zcu102", 2520, 1824, 274_080, 144_000, 512, 19.2, 200 * MHZ, 23.6, "Lu2017, recalled",
            board="ZCU102, XCZU9EG, 64-bit DDR4-2400", source="Jiang2020; DS891 and UG1182, recalled",
        ),
        FpgaDevice(
            "zcu104", 1728, 624, 230_400, 101_760, 512, 19.2, 200 * MHZ, 16.0,
            "estimate (ours): ZCU102's scaled with DSP slices", board="ZCU104, XCZU7EV, 64-bit DDR4-2400",
            source="DS891, UG1267, recalled; the 96 UltraRAM blocks are not used",
        ),
        FpgaDevice(
            "ultra96", 360, 432, 70_560, 28_800, 512, 4.3, 200 * MHZ, 7.26, "Zhang2020, recalled",
            board="Ultra96, XCZU3EG, 32-bit LPDDR4-1066", source="DS891, board guide, recalled",
        ),
        FpgaDevice(
            "zc706", 900, 1090, 218_600, 70_400, 256, 4.26, 100 * MHZ, 9.63, "Qiu2016, recalled",
            board="ZC706, XC7Z045, 32-bit DDR3-1066", source="DS190, UG954, recalled",
        ),
        FpgaDevice(
            "pynq-z2", 220, 280, 53_200, 17_400, 256, 2.1, 100 * MHZ, 2.5, "Zhang2018 on the PYNQ-Z1, recalled",
            board="PYNQ-Z2, XC7Z020, 16-bit DDR3-1050", source="DS190 (checked with reports), board manual, recalled",
        ),
        FpgaDevice(
            "7z015", 160, 190, 46_200, 14_400, 256, 4.26, 100 * MHZ, 2.5, SMALL_PART,
            board="XC7Z015 with 32-bit DDR3-1066", source="DS190, recalled",
        ),
        FpgaDevice(
            "7z010", 80, 120, 17_600, 6_000, 256, 4.26, 100 * MHZ, 2.0, SMALL_PART,
            board="XC7Z010 with 32-bit DDR3-1066", source="DS190, recalled",
        ),
        FpgaDevice(
            "7a50t", 120, 150, 32_600, 9_600, 128, 1.6, 100 * MHZ, 2.0, SMALL_PART,
            board="XC7A50T with 16-bit DDR3-800", source="DS180, recalled",
        ),
        FpgaDevice(
            "7a100t", 240, 270, 63_400, 19_008, 128, 1.6, 100 * MHZ, 3.0, SMALL_PART,
            board="XC7A100T with 16-bit DDR3-800", source="DS180, recalled",
        ),
    )
}  # fmt: skip
"""By name; `dataclasses.replace` changes a clock, a memory or a power."""


def fpga_device(name: str) -> FpgaDevice:
    """The device of a name.

    Raises:
        AcceleratorError: no such device; the nearest legal name is given.
    """
    if name not in FPGA_DEVICES:
        raise AcceleratorError(f"unknown FPGA {name!r}; {did_you_mean(name, FPGA_DEVICES)}")
    return FPGA_DEVICES[name]


def fpga_pool(text: str) -> FpgaPool:
    """The pool of a list of names, each with its count where it is not 1: `zcu102=2,pynq-z2`.

    An FPGA costs its power in watt.

    Raises:
        AcceleratorError: a name or a count is not legal, or there is no FPGA.
    """
    return FpgaPool(tuple(_entry(item.strip()) for item in text.split(",") if item.strip()))


def _entry(item: str) -> PoolEntry:
    name, equals, count = (part.strip() for part in item.partition("="))
    if equals and not (count.isascii() and count.removeprefix("-").isdecimal()):
        raise AcceleratorError(f"the count of {name!r} in the pool is {count!r}; give a whole number, such as {name}=2")
    device = fpga_device(name)
    return PoolEntry(device, int(count) if equals else 1, device.power_w)

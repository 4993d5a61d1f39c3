"""Which FPGAs share a network? A pool whose pipeline is solved for each network, or boards in a fixed order.

Nothing here is searched by trial: cuts, boards and tilings follow from the network (`coexplore.cost.boards`). Where
`engines` describe boards that are already built, one decision says whether a design runs on those or on the pool.

References:
    Jiang2020: Jiang et al., Hardware/Software Co-Exploration of Neural Architectures, TCAD, arXiv 1907.04650: a pool of
        FPGAs and a required throughput; fixed boards and engines are the hardware-aware search it is compared to.

Departures: which layers run on which of the fixed boards is chosen anew for each network; there it is fixed too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from coexplore.accelerators.family import ACCELERATOR_FAMILIES
from coexplore.accelerators.fpga import FpgaDesign, FpgaDevice, FpgaPool, PoolEntry
from coexplore.accelerators.fpga_boards import FixedEngine, FpgaBoards
from coexplore.accelerators.fpga_devices import FPGA_DEVICES, fpga_device
from coexplore.core.errors import AcceleratorError
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space

PIPELINE = "pipeline"
"""The decision of a pool with fixed boards."""
FIXED, SOLVED = "fixed", "solved"
"""Its values: the fixed boards, or the pipeline that is solved for the network."""
LEAST_BITS = 48
"""A word of 16 bits through each of three ports."""


@dataclass(frozen=True, slots=True)
class Board:
    """An FPGA that the table does not know, or one of its own with other numbers; see `FpgaDevice` for the fields."""

    name: str
    dsp: int
    bram18: int
    lut: int
    memory_lut: int
    port_bits: int
    bandwidth_gb_s: float
    clock_hz: float
    power_w: float

    def __post_init__(self) -> None:
        moved = self.device().bits_per_cycle
        if moved < LEAST_BITS:
            raise AcceleratorError(
                f"FPGA {self.name!r}: with port_bits {self.port_bits}, bandwidth_gb_s {self.bandwidth_gb_s:g} and "
                f"clock_hz {self.clock_hz:g} its ports move {moved:g} bits per cycle; the three ports of an engine "
                f"need {LEAST_BITS}"
            )

    def device(self) -> FpgaDevice:
        """With the source of its numbers."""
        numbers = {field.name: getattr(self, field.name) for field in fields(self)}
        return FpgaDevice(**numbers, power_source="given by the user", source="given by the user")


@dataclass(frozen=True, slots=True)
class Engine:
    """A board in the fixed order, and the tile engine on it."""

    device: str
    """Name of a known FPGA or of one of `boards`."""
    design: FpgaDesign


@ACCELERATOR_FAMILIES.register("fpga-pool")
@dataclass(frozen=True, slots=True)
class FpgaPipeline:
    """FPGAs that run a network as a pipeline; cuts, boards and tilings are solved for it, or boards are fixed.

    Raises:
        AcceleratorError: the pool is empty, a name is unknown, or a number is out of range; names the field.
    """

    pool: tuple[str, ...] = ("pynq-z2", "7a50t", "7a50t")
    """Names of FPGAs; one that stands there twice may be used twice."""
    throughput_per_s: float | None = None
    """Inputs per second that every network must reach; the cheapest such pipeline is taken. None takes the fastest."""
    stages: int | None = None
    """Exactly so many FPGAs are used; None is as many as are best."""
    costs: tuple[tuple[str, float], ...] = ()
    """Pairs of FPGA and cost of one; the others cost their power in watt."""
    boards: tuple[Board, ...] = ()
    """FPGAs of your own, to be named in `pool`."""
    engines: tuple[Engine, ...] = ()
    """Boards already built, in the order of the pipeline; what `pipeline: fixed` means."""

    def __post_init__(self) -> None:
        if not self.pool:
            raise AcceleratorError("fpga-pool.pool has no FPGA; name at least one, such as [pynq-z2, pynq-z2]")
        for name in (*self.pool, *(name for name, _ in self.costs), *(engine.device for engine in self.engines)):
            self._device(name)
        required = self.throughput_per_s
        if required is not None and not (math.isfinite(required) and required > 0):
            raise AcceleratorError(f"fpga-pool.throughput_per_s is {required}; give inputs per second, above 0")
        for name, cost in self.costs:
            if not (math.isfinite(cost) and cost >= 0):
                raise AcceleratorError(f"fpga-pool.costs is {cost} for {name!r}; it must be finite and not negative")
        if self.stages is not None and not 1 <= self.stages <= len(self.pool):
            raise AcceleratorError(
                f"fpga-pool.stages is {self.stages}; the pool has {len(self.pool)} FPGAs, give 1 to {len(self.pool)}"
            )
        for number, engine in enumerate(self.engines):
            _check_fits(f"fpga-pool.engines.{number}", engine.design, self._device(engine.device))

    @property
    def space(self) -> Space:
        """Nothing to decide, or whether the fixed boards are used."""
        return Space((Decision(PIPELINE, (FIXED, SOLVED)),)) if self.engines else Space()

    @property
    def presets(self) -> Mapping[str, Point]:
        """`baseline` is the fixed boards, where there are any."""
        return {"baseline": self.space.point({PIPELINE: FIXED} if self.engines else {})}

    def decode(self, point: Point) -> FpgaBoards:
        """The boards of a point."""
        if point.get(PIPELINE) == FIXED:
            engines = tuple(FixedEngine(self._entry(engine.device, 1), engine.design) for engine in self.engines)
            return FpgaBoards(self._pool(e.device for e in self.engines), engines, self.throughput_per_s, None)
        return FpgaBoards(self._pool(self.pool), (), self.throughput_per_s, self.stages)

    def _pool(self, names: Iterable[str]) -> FpgaPool:
        return FpgaPool(tuple(self._entry(name, count) for name, count in Counter(names).items()))

    def _entry(self, name: str, count: int) -> PoolEntry:
        device = self._device(name)
        return PoolEntry(device, count, dict(self.costs).get(name, device.power_w))

    def _device(self, name: str) -> FpgaDevice:
        own = {board.name: board for board in self.boards}
        if name in own:
            return own[name].device()
        if name in FPGA_DEVICES or not own:
            return fpga_device(name)
        known = ", ".join((*own, *FPGA_DEVICES))
        raise AcceleratorError(f"unknown FPGA {name!r}; known: {known}")


def _check_fits(path: str, design: FpgaDesign, device: FpgaDevice) -> None:
    """What an engine needs whatever its layers; buffers depend on them."""
    bits = design.bits * design.ports.words
    for what, needed, available in (
        ("DSP slices", design.dsps, device.dsp),
        ("bits of its ports", bits, device.port_bits),
        ("bits per cycle of its memory", bits, device.bits_per_cycle),
    ):
        if needed > available:
            raise AcceleratorError(
                f"{path} is too large: it needs {needed} {what}, {device.name!r} has {available:g}; make it smaller or "
                "take another FPGA"
            )

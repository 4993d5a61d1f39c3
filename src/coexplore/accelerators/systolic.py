"""Which hardware is a systolic array? A square of elements that hand operands on, with weights or outputs at rest.

Weight-stationary: a column computes one output channel, a row takes one term of its sums. Inputs travel along rows,
sums down columns into an accumulator memory per column. Output-stationary: an element computes one output; inputs
travel along rows, weights down columns. Groups share no inputs, so a depthwise layer uses one column.

References:
    Kung1982: Kung, "Why systolic architectures?", IEEE Computer 15(1), 1982.
    Jouppi2017: Jouppi et al., "In-datacenter performance analysis of a tensor processing unit", ISCA 2017. One unified
        buffer, and accumulators of 32 bits per column, as there.

Departures: sizes of memories and bandwidths of the presets are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coexplore.accelerators.accelerator import Accelerator, Dim, MacUnit, MemoryLevel, Operand, SpatialAxis
from coexplore.accelerators.components import Storage, main_memory, registers, sram, systolic_element, vector_unit
from coexplore.accelerators.family import ACCELERATOR_FAMILIES
from coexplore.accelerators.technology import Technology, load_technology
from coexplore.core.errors import UnknownNameError
from coexplore.spaces.decision import Condition, Decision, Value
from coexplore.spaces.space import Point, Space

WEIGHTS_REST, OUTPUTS_REST = "ws", "os"
BITS, SUM_BITS = 8, 32
BANK_BYTES_PER_CYCLE = 8

CHANNEL_DIMS = (Dim.K,)
TERM_DIMS = (Dim.C, Dim.R, Dim.S)
PIXEL_DIMS = (Dim.N, Dim.P, Dim.Q)

PRESET_SIZES = {16: (256, 10.0), 64: (1024, 40.0), 128: (4096, 80.0)}
"""Buffer in KiB and bandwidth in GB/s by side."""


@ACCELERATOR_FAMILIES.register("systolic")
@dataclass(frozen=True, slots=True)
class Systolic:
    """A square systolic array with a unified buffer, weights or outputs at rest: five knobs, 2,016 points.

    The fields are the value lists of the knobs, and what is not a knob.
    """

    side: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    dataflow: tuple[str, ...] = (WEIGHTS_REST, OUTPUTS_REST)
    buffer_kib: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
    accumulator_words: tuple[int, ...] = (256, 512, 1024, 2048, 4096, 8192)
    """Sums that a column can hold; only where weights rest."""
    io_bandwidth_gb_s: tuple[float, ...] = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
    clock_hz: float = 1e9
    node_nm: int = 22
    dram: str = "lpddr4"

    def __post_init__(self) -> None:
        for dataflow in self.dataflow:
            if dataflow not in ARRAYS:
                raise UnknownNameError("dataflow", dataflow, ARRAYS)

    @property
    def space(self) -> Space:
        """The knobs; all but the dataflow are ordered."""
        rests = Condition("dataflow", (WEIGHTS_REST,))
        sums = [Decision("accumulator_words", self.accumulator_words, ordered=True, condition=rests)]
        return Space(
            (
                Decision("side", self.side, ordered=True),
                Decision("dataflow", self.dataflow),
                Decision("buffer_kib", self.buffer_kib, ordered=True),
                *(sums if WEIGHTS_REST in self.dataflow else []),
                Decision("io_bandwidth_gb_s", self.io_bandwidth_gb_s, ordered=True),
            )
        )

    @property
    def presets(self) -> Mapping[str, Point]:
        """`ws-16` to `os-128`: dataflow and side; `baseline` is `ws-64`. What surrounds the array is ours."""
        points: dict[str, dict[str, Value]] = {}
        for side, (buffer_kib, bandwidth) in PRESET_SIZES.items():
            common: dict[str, Value] = {"side": side, "buffer_kib": buffer_kib, "io_bandwidth_gb_s": bandwidth}
            points[f"ws-{side}"] = {**common, "dataflow": WEIGHTS_REST, "accumulator_words": 1024}
            points[f"os-{side}"] = {**common, "dataflow": OUTPUTS_REST}
        points["baseline"] = points["ws-64"]
        space = Systolic().space
        return {name: space.point(values) for name, values in points.items()}

    def decode(self, point: Point) -> Accelerator:
        """The accelerator of a point; a GB is 1e9 bytes."""
        technology = load_technology(self.node_nm)
        side, buffer_kib = int(point["side"]), int(point["buffer_kib"])
        bandwidth, dataflow = float(point["io_bandwidth_gb_s"]), str(point["dataflow"])
        memory = main_memory(technology, self.dram, bandwidth, self.clock_hz)
        buffer = sram(technology, buffer_kib, max(2 * side // BANK_BYTES_PER_CYCLE, 1))
        words = int(point.get("accumulator_words", 0))
        inside, element = ARRAYS[dataflow](technology, side, buffer, words)
        return Accelerator(
            name=f"systolic {dataflow} {side}x{side}, {buffer_kib} KiB"
            f"{f', {words} sums' if words else ''}, {bandwidth:g} GB/s",
            clock_hz=self.clock_hz,
            levels=(memory.off_chip("dram"), *inside),
            mac=element,
            vector=vector_unit(technology, float(side)),
            other_area_mm2=(("io", memory.area_mm2),),
        )


Array = tuple[tuple[MemoryLevel, ...], MacUnit]


def _weights_rest(technology: Technology, side: int, buffer: Storage, words: int) -> Array:
    """An accumulator memory per column, read and written every cycle, and a weight per element with its successor."""
    sums = sram(technology, words * SUM_BITS / 8 / 1024, banks=2, width_bits=SUM_BITS)
    levels = (
        buffer.level("buffer", (_axis("column", side, CHANNEL_DIMS),)),
        sums.level("accumulator", (_axis("row", side, TERM_DIMS),), (Operand.OUTPUT,), two_ports=True),
        registers(technology, 2, BITS).level("weight_register", keeps=(Operand.WEIGHT,)),
    )
    return levels, systolic_element(technology, BITS, BITS + SUM_BITS)


def _outputs_rest(technology: Technology, side: int, buffer: Storage, words: int) -> Array:
    """A sum per element, and the finished one that leaves."""
    levels = (
        buffer.level("buffer", (_axis("row", side, PIXEL_DIMS), _axis("column", side, CHANNEL_DIMS))),
        registers(technology, 2, SUM_BITS).level("sum_register", keeps=(Operand.OUTPUT,)),
    )
    return levels, systolic_element(technology, BITS, 2 * BITS)


def _axis(name: str, side: int, dims: tuple[Dim, ...]) -> SpatialAxis:
    return SpatialAxis(name, side, dims, hop_cycles=1)


ARRAYS: dict[str, Callable[[Technology, int, Storage, int], Array]] = {
    WEIGHTS_REST: _weights_rest,
    OUTPUTS_REST: _outputs_rest,
}
"""By dataflow."""

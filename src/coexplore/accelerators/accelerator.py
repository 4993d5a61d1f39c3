"""Accelerator: a compute array under a chain of memory levels. What the hardware is, in numbers, without a workload.

Levels stand outermost (DRAM) first. Between a level and the next one inward lies its fan-out: named spatial axes over
which instances of everything further inside are replicated. An operand that a level does not keep passes it by.
All numbers are per instance. Energies are joule per bit, so bits scale traffic exactly.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from coexplore.core.errors import AcceleratorError


class Operand(enum.Enum):
    """The three tensors of a multiply-accumulate op."""

    # There is one object per member, and descriptions are hashed often.
    __hash__ = object.__hash__

    WEIGHT = "weight"
    INPUT = "input"
    OUTPUT = "output"


class Dim(enum.Enum):
    """Loop dimensions, as in `coexplore.workloads.op.Loops`."""

    __hash__ = object.__hash__

    N = "N"
    G = "G"
    K = "K"
    C = "C"
    P = "P"
    Q = "Q"
    R = "R"
    S = "S"


MOST_WORD_BITS, MOST_BLOCK_BITS = 256, 2**20
"""With the limit on an op's multiply-accumulates they keep all traffic countable in 64 bits."""

OPERANDS = tuple(Operand)
DIMS = tuple(Dim)


@dataclass(frozen=True, slots=True)
class SpatialAxis:
    """One direction of replication: `size` instances side by side, over which the listed dimensions may be unrolled.

    Partial sums are added on the way up.
    """

    name: str
    size: int
    dims: tuple[Dim, ...]
    """An axis that cannot add partial sums lists none of C, R and S."""
    multicast: bool = True
    """Instances that need the same data share one read above; without it, each reads its own copy."""
    hop_cycles: int = 0
    """Cycles from one instance to the next: 1 in a systolic array, 0 where data are broadcast."""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise AcceleratorError(f"axis {self.name!r}: size is {self.size}; it must be at least 1")
        if self.hop_cycles < 0:
            raise AcceleratorError(f"axis {self.name!r}: hop_cycles is {self.hop_cycles}; it must not be negative")


@dataclass(frozen=True, slots=True)
class MemoryLevel:
    """One storage of the chain and the fan-out below it."""

    name: str
    keeps: tuple[Operand, ...]
    """Operands stored here; the others bypass the level."""
    capacity_bytes: int | None
    """Per instance, shared by the operands kept; None is unbounded."""
    read_bytes_per_cycle: float | None
    """Per instance; None is unlimited."""
    write_bytes_per_cycle: float | None
    """Per instance; None means that writes share the read port."""
    read_j_per_bit: float
    write_j_per_bit: float
    area_mm2: float = 0.0
    """Per instance."""
    leakage_w: float = 0.0
    """Per instance, drawn as long as the op runs."""
    double_buffered: bool = True
    """A tile that changes occupies twice its size, and its transfer overlaps with work."""
    word_bits: int = 1
    """An element occupies whole words."""
    block_bits: int = 1
    """An access moves whole blocks: what an op reads and writes of an operand is rounded up to them."""
    fanout: tuple[SpatialAxis, ...] = ()

    def __post_init__(self) -> None:
        for field in ("capacity_bytes", "read_bytes_per_cycle", "write_bytes_per_cycle", "word_bits", "block_bits"):
            value = getattr(self, field)
            if value is not None and not value > 0:
                raise AcceleratorError(f"level {self.name!r}: {field} is {value}; it must be positive")
        for field, most in (("word_bits", MOST_WORD_BITS), ("block_bits", MOST_BLOCK_BITS)):
            value = getattr(self, field)
            if value > most:
                raise AcceleratorError(f"level {self.name!r}: {field} is {value}; it must be at most {most}")
        for field in ("read_j_per_bit", "write_j_per_bit", "area_mm2", "leakage_w"):
            value = getattr(self, field)
            if not (math.isfinite(value) and value >= 0):
                raise AcceleratorError(f"level {self.name!r}: {field} is {value}; it must be finite and not negative")
        if self.read_bytes_per_cycle is None and self.write_bytes_per_cycle is not None:
            raise AcceleratorError(f"level {self.name!r}: write_bytes_per_cycle is set but read_bytes_per_cycle is not")

    @property
    def fanout_size(self) -> int:
        """Instances of the next level inward under one instance of this one."""
        return math.prod(axis.size for axis in self.fanout)


@dataclass(frozen=True, slots=True)
class MacUnit:
    """One multiplier with its adder."""

    bits: int
    """Widest weight or input it multiplies."""
    energy_j: float
    """Per multiply-accumulate at full width; falls with weight bits x input bits below it."""
    area_mm2: float
    leakage_w: float = 0.0


@dataclass(frozen=True, slots=True)
class VectorUnit:
    """What computes pooling, additions, normalisation and softmax."""

    operations_per_cycle: float
    energy_j: float
    """Per operation on one element."""
    area_mm2: float = 0.0


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A concrete piece of hardware.

    Raises:
        AcceleratorError: a size is not positive, a name occurs twice, or an operand has no home in the outermost level.
    """

    name: str
    clock_hz: float
    levels: tuple[MemoryLevel, ...]
    mac: MacUnit
    vector: VectorUnit
    other_area_mm2: tuple[tuple[str, float], ...] = ()
    """Area that belongs to no level, by name: interfaces, control."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.clock_hz) and self.clock_hz > 0):
            raise AcceleratorError(f"clock_hz is {self.clock_hz}; it must be positive")
        if not self.levels:
            raise AcceleratorError("levels is empty; the outermost level must be the main memory")
        missing = [o.value for o in OPERANDS if o not in self.levels[0].keeps]
        if missing or self.levels[0].capacity_bytes is not None:
            raise AcceleratorError(
                f"levels[0] ({self.levels[0].name!r}) is the main memory: it must keep weight, input and output "
                f"and have no capacity_bytes (missing operands: {missing or 'none'})"
            )
        for kind, names in (
            ("level", [level.name for level in self.levels]),
            ("axis", [axis.name for level in self.levels for axis in level.fanout]),
        ):
            if len(set(names)) < len(names):
                twice = min(name for name in names if names.count(name) > 1)
                raise AcceleratorError(f"{kind} name {twice!r} occurs twice")

    def instances(self, level: int) -> int:
        """Instances of level number `level` in the whole accelerator."""
        return math.prod(outer.fanout_size for outer in self.levels[:level])

    @property
    def macs_per_cycle(self) -> int:
        """Multipliers in the whole array."""
        return self.instances(len(self.levels))

    @property
    def peak_tops(self) -> float:
        """Tera-operations per second, two operations per multiply-accumulate."""
        return 2 * self.macs_per_cycle * self.clock_hz / 1e12

    def area_by_component_mm2(self) -> dict[str, float]:
        """Silicon area by component; the values add up to `area_mm2`."""
        areas = {level.name: level.area_mm2 * self.instances(i) for i, level in enumerate(self.levels)}
        areas["mac"] = self.mac.area_mm2 * self.macs_per_cycle
        areas["vector"] = self.vector.area_mm2
        areas.update(self.other_area_mm2)
        return areas

    @property
    def area_mm2(self) -> float:
        """Total silicon area."""
        return math.fsum(self.area_by_component_mm2().values())

    @property
    def leakage_w(self) -> float:
        """Static power of the whole accelerator."""
        levels = math.fsum(level.leakage_w * self.instances(i) for i, level in enumerate(self.levels))
        return levels + self.mac.leakage_w * self.macs_per_cycle

"""What is the hardware of a design that runs on FPGAs? A pool to choose from, or boards that are already built."""

from __future__ import annotations

from dataclasses import dataclass

from coexplore.accelerators.fpga import FpgaDesign, FpgaPool, PoolEntry


@dataclass(frozen=True, slots=True)
class FixedEngine:
    """A board that is already built."""

    entry: PoolEntry
    """Its device and cost; one of it."""
    design: FpgaDesign


@dataclass(frozen=True, slots=True)
class FpgaBoards:
    """What may run a network: a pool, or boards in their order."""

    pool: FpgaPool
    engines: tuple[FixedEngine, ...]
    """Boards in the order of the pipeline; empty where the pool is free."""
    throughput_per_s: float | None
    """Required; None asks for the highest."""
    stages: int | None
    """Exactly so many; None is as many as are best."""

    @property
    def name(self) -> str:
        """The boards in words."""
        if self.engines:
            return "fixed " + " > ".join(engine.entry.device.name for engine in self.engines)
        return " + ".join(f"{entry.count} x {entry.device.name}" for entry in self.pool.entries)

"""Accounting: the conventions on which cost models differ, each an explicit option. The default is clean physics.

What another tool does differently is one small file in `coexplore.cost.presets` that builds an `Accounting`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost.nest import Floats, Ints, Machine, Nest, Problem


@dataclass(frozen=True, slots=True)
class Counts:
    """What moves in one mapped op, before it is turned into time. Indexed [level][operand]; operands W, I, O."""

    compute_cycles: int
    """Cycles in which the array multiplies."""
    reads: Ints
    """(levels, 3) Elements read from a level, over all instances."""
    writes: Ints
    """(levels, 3) Elements written to a level, over all instances."""
    reads_one: Ints
    """(levels, 3) The same for the busiest instance."""
    writes_one: Ints
    moves: Ints
    """(levels, 3, MOVES) Elements between a level and its parent, in the ways of `coexplore.cost._counts`."""
    tiles: Ints
    """(levels, 3) Elements of the full tile that a level holds."""
    nest: Nest


@dataclass(frozen=True, slots=True)
class Cycles:
    """How long a mapped op takes, split. The parts add up to `total`."""

    compute: float
    fill_drain: float
    """Data on their way through the array before the first and after the last multiplication."""
    stall: float
    """The array waits for a memory port."""
    onload: float
    offload: float
    bound: int
    """Number of the level whose port is busiest; -1: the array is busier than any."""
    stall_by: tuple[float, ...] = ()
    """Per level: cycles by which its port is busy beyond the array's own."""

    @property
    def total(self) -> float:
        """All cycles of the op."""
        return self.compute + self.fill_drain + self.stall + self.onload + self.offload


CountRule = Callable[[Problem, Machine, Counts], Counts]
"""(op, accelerator, clean physical counts) -> the counts of a tool."""

CycleRule = Callable[[Problem, Accelerator, Counts], Cycles]
"""(op, accelerator, counts) -> time."""

EnergyRule = Callable[[Problem, Accelerator, Counts], Floats]
"""(op, accelerator, counts) -> (levels, 3) joule spent in the memories, by level and operand."""


@dataclass(frozen=True, slots=True)
class Accounting:
    """One set of conventions. None means clean physics, as documented in `docs/cost.md`."""

    name: str
    count_rule: CountRule | None = None
    """What moves; where it differs, elements are charged at the width at which a level stores them."""
    cycle_rule: CycleRule | None = None
    """How counts become time."""
    energy_rule: EnergyRule | None = None
    """How counts become energy."""


PHYSICS = Accounting("physics")
"""What a step-by-step walk of the loop nest counts (`coexplore.testing.oracle`)."""

"""What does an operand that lives on chip move? Rules shared by exact counts and lower bounds.

The operand lies spread evenly over all instances of the outermost on-chip level that keeps it (its pool), whoever needs
it. An instance thus finds one n-th of whatever it needs in its own memory; the rest comes from, and goes to, the
memories of the others: read there, written here. In a pool of one instance nothing moves at all.
"""

from __future__ import annotations

from coexplore.cost._compile import inner
from coexplore.cost.nest import Flags, Machine


@inner
def pool_level(keeps: Flags, operand: int) -> int:
    """The outermost on-chip level that keeps an operand; 0 when there is none."""
    for n in range(1, keeps.shape[0]):
        if keeps[n, operand]:
            return n
    return 0


@inner
def instances_of(level: int, machine: Machine) -> int:
    """Instances of a level, used or not."""
    count = 1
    for a in range(machine.axis_size.size):
        if machine.axis_level[a] < level:
            count *= machine.axis_size[a]
    return count


@inner
def away(elements: int, instances: int) -> int:
    """Elements that do not lie where they are needed, rounded up."""
    return elements - elements // instances


@inner
def per_instance(bits: int, instances: int) -> int:
    """What one instance serves of what all of them serve evenly, rounded up."""
    return (bits + instances - 1) // instances


@inner
def port_time(read: float, write: float, has_write_port: bool) -> float:
    """Cycles of reads and writes of one level: side by side on two ports, one after the other on one."""
    return max(read, write) if has_write_port else read + write

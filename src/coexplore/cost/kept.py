"""What lives on one chip of one workload, and in which memory?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from coexplore.accelerators.accelerator import Accelerator, Operand


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays on one chip of one workload."""

    tensors: frozenset[str] = frozenset()
    """Names of the inputs and op outputs that live on chip."""
    weights: bool = False
    """Whether trained weights do."""


NOTHING = Kept()
"""All comes from main memory and goes there."""


def pool_of(accelerator: Accelerator, operand: Operand) -> int | None:
    """Number of the outermost on-chip level that keeps an operand."""
    return next((n for n, v in enumerate(accelerator.levels) if n > 0 and operand in v.keeps), None)


def in_words_of(accelerator: Accelerator, number: int, bits: int) -> int:
    """Bits that an element of so many bits occupies in a level."""
    word = accelerator.levels[number].word_bits
    return -(-bits // word) * word


def instances(accelerator: Accelerator, number: int) -> int:
    """Instances of a level."""
    return math.prod(axis.size for level in accelerator.levels[:number] for axis in level.fanout)


def pool_bits(accelerator: Accelerator, number: int) -> float:
    """Capacity of a level over all its instances."""
    capacity = accelerator.levels[number].capacity_bytes
    return math.inf if capacity is None else 8.0 * capacity * instances(accelerator, number)

"""How long does the Eyeriss chip take, and what does it move? The rules of one chip, for its row-stationary mappings.

No rule holds a number fitted to the chip's measurements; widths and clocks are those of the accelerator and its
networks. In which way the chip overlaps work is not published in full. The five rules below are our reading, chosen
with the measurements of AlexNet's five convolutions in view:

1. An element has one adder: adding the sum from its neighbour takes a cycle per sum in which it multiplies nothing.
2. Scratchpads hold one set of weights. New weights enter at the width of their network while the array waits; the first
   window of inputs enters beside them. They come from main memory ahead of time, hidden behind the pass before.
3. Inputs of the next channels enter the global buffer when those before are done: it has no room for two. The array
   waits for the link.
4. Finished outputs leave behind the next pass. Those of the last pass of a tile leave alone.
5. What else moves (inputs and sums between buffer and array) overlaps with work, unless it takes longer.

References:
    Chen2017: Chen et al., "Eyeriss: An energy-efficient reconfigurable accelerator for deep convolutional neural
        networks", IEEE JSSC 52(1), 2017 (recalled): network widths, run-length coding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.eyeriss import BITS, INPUT_NOC_WORDS, LINK_BITS, PSUM_NOC_WORDS, WEIGHT_NOC_WORDS
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, WEIGHT, C, P, Q, R, S
from coexplore.cost.accounting import Accounting, Counts, Cycles
from coexplore.cost.nest import DIM, FACTOR, LEVEL, SPATIAL, Nest, Problem

LINK, BUFFER, ARRAY = 0, 1, 2
"""Levels of the accelerator: main memory, global buffer, and from the third on the scratchpads of an element."""
RUN_BITS = 5
PAIRS_PER_WORD = 3
"""A 64-bit word of the run-length code holds three pairs of a run of zeros and a value (Chen2017)."""


@dataclass(frozen=True, slots=True)
class EyerissRules:
    """Rules 1 to 4; all on is the chip, each can be switched off to see how much it matters."""

    one_adder: bool = True
    weights_wait: bool = True
    inputs_wait: bool = True
    last_outputs_wait: bool = True


CHIP = EyerissRules()


@dataclass(frozen=True, slots=True)
class LinkRatios:
    """Bits on the link to main memory per bit that an operand has uncompressed."""

    input: float = 1.0
    output: float = 1.0


def run_length_ratio(zero_share: float) -> float:
    """Bits of the run-length code per bit of data in which zeros are spread at random.

    Each value other than zero needs a pair; so does the zero that ends a run which is longer than the counter.
    """
    longest = zero_share ** (2**RUN_BITS)
    pairs = (1.0 - zero_share) * (1.0 + longest / (1.0 - longest)) if zero_share < 1.0 else 2.0**-RUN_BITS
    return pairs * LINK_BITS / PAIRS_PER_WORD / BITS


def eyeriss(ratios: LinkRatios, rules: EyerissRules = CHIP) -> Accounting:
    """The chip's time for data that shrink by `ratios` on the link.

    Counts are those of clean physics. In the result `fill_drain` is rules 1 and 2, `onload` rule 3, `offload` rule 4.
    """

    def time(problem: Problem, accelerator: Accelerator, counts: Counts) -> Cycles:
        words_per_cycle = (accelerator.levels[LINK].read_bytes_per_cycle or math.inf) * 8 / BITS
        waits = rules.one_adder * counts.compute_cycles / _factor(counts.nest, ARRAY, math.inf, (C, R, S))
        waits += rules.weights_wait * _weight_cycles(problem, counts)
        ports = _busy_cycles(problem, counts, words_per_cycle)
        busiest = max(ports, key=lambda level: ports[level])
        stall = max(0.0, ports[busiest] - counts.compute_cycles - waits)
        inputs = int(counts.reads[LINK, INPUT]) * ratios.input / words_per_cycle
        outputs = int(counts.writes[LINK, OUTPUT]) * ratios.output / words_per_cycle
        return Cycles(
            compute=float(counts.compute_cycles),
            fill_drain=waits,
            stall=stall,
            onload=rules.inputs_wait * inputs,
            offload=rules.last_outputs_wait * outputs / _factor(counts.nest, BUFFER, ARRAY, tuple(range(8))),
            bound=busiest if stall > 0 else -1,
        )

    return Accounting("eyeriss", cycle_rule=time)


def _busy_cycles(problem: Problem, counts: Counts, words_per_cycle: float) -> dict[int, float]:
    """Rule 5: cycles for what overlaps with work, by the level it comes from."""
    inputs = input_words(problem, counts.nest) / INPUT_NOC_WORDS
    sums = int(counts.writes[BUFFER, OUTPUT]) / PSUM_NOC_WORDS
    return {LINK: int(counts.reads[LINK, WEIGHT]) / words_per_cycle, BUFFER: max(inputs, sums)}


def _weight_cycles(problem: Problem, counts: Counts) -> float:
    """Rule 2: per change of weights the longer of their way in and that of the first window."""
    changes = _weight_changes(counts.nest)
    weights = int(counts.reads[LINK, WEIGHT]) / WEIGHT_NOC_WORDS
    return max(weights, changes * _window_words(problem, counts.nest) / INPUT_NOC_WORDS)


def _weight_changes(nest: Nest) -> int:
    """How often the array gets new weights: the temporal loops down to the innermost that changes them."""
    changes = product = 1
    for row in nest.table:
        if row[LEVEL] < ARRAY and not row[SPATIAL]:
            product *= int(row[FACTOR])
            if RELEVANT[WEIGHT, row[DIM]]:
                changes = product
    return changes


def _factor(nest: Nest, begin: int, end: float, dims: tuple[int, ...]) -> int:
    """Product of the temporal factors along `dims` at the levels [begin, end)."""
    product = 1
    for row in nest.table:
        if not row[SPATIAL] and begin <= row[LEVEL] < end and row[DIM] in dims:
            product *= int(row[FACTOR])
    return product


def _array_extent(problem: Problem, nest: Nest, dim: int) -> int:
    """Extent of a dimension that the whole array covers in one pass."""
    extent = 1
    for row in nest.table:
        if row[DIM] == dim and (row[SPATIAL] or row[LEVEL] >= ARRAY):
            extent *= int(row[FACTOR])
    return min(extent, int(problem.sizes[dim]))


def _window_words(problem: Problem, nest: Nest) -> int:
    """Distinct inputs that the array needs for its first output column."""
    rows = (_array_extent(problem, nest, P) - 1) * int(problem.window[0]) + _array_extent(problem, nest, R)
    return rows * _array_extent(problem, nest, C) * _array_extent(problem, nest, S)


def input_words(problem: Problem, nest: Nest) -> int:
    """Inputs that leave the global buffer when an input row goes to all elements on its diagonal at once.

    Replay counts one copy per pair of output row and filter row: the chain of levels knows no diagonals.
    """
    sizes, (stride_p, stride_q) = problem.sizes, problem.window[:2]
    e = _array_extent(problem, nest, P)
    strips = -(-int(sizes[P]) // e)
    rows = (int(sizes[P]) - strips) * int(stride_p) + strips * int(sizes[R])
    columns = (int(sizes[Q]) - 1) * int(stride_q) + int(sizes[S])
    repeats = 1
    for row in nest.table:
        if row[LEVEL] < ARRAY and not row[SPATIAL] and not RELEVANT[INPUT, row[DIM]]:
            repeats *= int(row[FACTOR])
    return repeats * int(sizes[0]) * int(sizes[1]) * int(sizes[C]) * rows * columns

"""How does FNAS give every layer an engine of its own? It splits the DSPs by work and enumerates each share.

References:
    Jiang2019: Jiang et al., Accuracy vs. efficiency: achieving both through FPGA-implementation aware neural
        architecture search (FNAS), DAC 2019, arXiv 1901.11211; the design step is that of the public `PARA.py`.

Departures:
    The engines run in parallel; the scheduler over their tiles is not public. Without it the latency of an input is
    between the slowest layer and the sum of all, and both are given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coexplore.accelerators.fpga import DSPS_PER_MULTIPLIER, FpgaDesign, Ports
from coexplore.core.errors import AcceleratorError
from coexplore.cost._fpga import DESIGN_COLUMNS, price_designs
from coexplore.cost.fpga import AS_PUBLISHED, FpgaRules
from coexplore.cost.fpga_layers import FpgaLayer, layer_rows

SIDE = 20
"""Rows and columns of every tile."""
PORTS = Ports(2, 2, 2)
FNAS_RULES = FpgaRules(
    memory=AS_PUBLISHED.memory, enforce_memory=False, halo=False, drain=False, clipped=False, enforce_bandwidth=False
)
"""Whole tiles, no halo, no second division by the stride."""


@dataclass(frozen=True, slots=True)
class FnasLayer:
    """The engine of one layer."""

    budget: int
    """Multipliers it may have."""
    design: FpgaDesign
    cycles: float


@dataclass(frozen=True, slots=True)
class FnasDesign:
    """One engine per layer, all working at the same time on tiles of one input."""

    layers: tuple[FnasLayer, ...]

    @property
    def slowest_cycles(self) -> float:
        """Lower bound of an input's latency: every other layer hidden beside the slowest."""
        return max(layer.cycles for layer in self.layers)

    @property
    def serial_cycles(self) -> float:
        """Upper bound: no two layers overlap."""
        return math.fsum(layer.cycles for layer in self.layers)


def fnas_design(layers: Sequence[FpgaLayer], dsp: int, bits: int = 16, rules: FpgaRules = FNAS_RULES) -> FnasDesign:
    """Split the DSPs in proportion to multiply-accumulates, rounded down, and take each share's first fastest design.

    Args:
        layers: of the network.
        dsp: slices of all engines together.
        bits: 16 for fixed point, 32 for floating point with five slices per multiplier.
        rules: conventions.

    Raises:
        AcceleratorError: there are no layers, or no DSP slices.
    """
    if not layers:
        raise AcceleratorError("no layers to build engines for; give at least one")
    if dsp < 1:
        raise AcceleratorError(f"dsp is {dsp}; the engines multiply in DSP slices and need at least 1")
    multipliers = dsp // DSPS_PER_MULTIPLIER[bits]
    work = sum(layer.macs for layer in layers)
    return FnasDesign(
        tuple(_engine(layer, max(1, multipliers * layer.macs // work), bits, rules) for layer in layers)
    )  # fmt: skip


def _engine(layer: FpgaLayer, budget: int, bits: int, rules: FpgaRules) -> FnasLayer:
    pairs = [(tm, tn) for tm in range(1, layer.M + 1) for tn in range(1, min(layer.N, budget // tm) + 1)]
    designs = np.empty((len(pairs), DESIGN_COLUMNS), np.int64)
    designs[:, :2] = pairs
    designs[:, 2:] = (SIDE, SIDE, PORTS.weight, PORTS.input, PORTS.output, 0)
    cycles = np.empty((1, len(pairs)))
    price_designs(layer_rows([layer]), designs, 1, rules.row, cycles)
    first = int(cycles[0].argmin())
    tm, tn = pairs[first]
    return FnasLayer(
        budget, FpgaDesign(tm, tn, SIDE, SIDE, max(layer.kernel), PORTS, bits=bits), float(cycles[0, first])
    )

"""How does the loop-nest engine run what a tile engine runs? The loops of a layer, and their mapping on its chain.

Main memory walks tiles of rows, columns, output and input channels, the last one fastest; the array walks the kernel
and the pixels of a tile, with Tm output and Tn input channels side by side. Where tiles divide the layer and there are
at least two of input channels, work and traffic equal those of the closed form, halos included, and its cycles without
drain are those of the busiest of array and ports. They differ at the ends: the engine adds the first load of weights
and of inputs and the last store, the drain is the last store and one step. Elsewhere the engine is exact and the closed
form is not: it charges tiles at the edge in full, and where there is one tile of input channels it loads again what is
still there.
"""

from __future__ import annotations

from coexplore.accelerators.accelerator import Dim
from coexplore.accelerators.fpga import FpgaDesign
from coexplore.core.errors import MappingError
from coexplore.cost.fpga_layers import FpgaLayer
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.workloads.op import Bits, Loops


def layer_loops(layer: FpgaLayer, bits: int = 16) -> Loops:
    """The loops of a layer that is not depthwise, all operands and sums of one width.

    Raises:
        MappingError: the layer is depthwise.
    """
    if layer.depthwise:
        raise MappingError(f"layer {layer.name!r} is depthwise; the chain describes the dense engine alone")
    return Loops(
        N=layer.B, K=layer.M, C=layer.N, P=layer.R, Q=layer.C, R=layer.kernel[0], S=layer.kernel[1],
        stride=layer.stride, dilation=layer.dilation, bits=Bits(bits, bits, bits, bits),
    )  # fmt: skip


def tile_mapping(layer: FpgaLayer, design: FpgaDesign) -> Mapping:
    """The mapping of a layer on `coexplore.accelerators.fpga_chain.fpga_chain` of the design."""
    rows, cols = min(design.tr, layer.R), min(design.tc, layer.C)
    walk = (
        Loop(Dim.N, layer.B),
        Loop(Dim.P, -(-layer.R // rows)),
        Loop(Dim.Q, -(-layer.C // cols)),
        Loop(Dim.K, -(-layer.M // design.tm)),
        Loop(Dim.C, -(-layer.N // design.tn)),
    )
    inside = (Loop(Dim.R, layer.kernel[0]), Loop(Dim.S, layer.kernel[1]), Loop(Dim.P, rows), Loop(Dim.Q, cols))
    spread = (SpatialLoop("tm", Dim.K, min(design.tm, layer.M)), SpatialLoop("tn", Dim.C, min(design.tn, layer.N)))
    return Mapping((LevelMapping(walk), LevelMapping(), LevelMapping(), LevelMapping(inside, spread)))

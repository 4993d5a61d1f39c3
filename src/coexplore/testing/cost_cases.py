"""Random small ops, accelerators and mappings as hypothesis strategies, for testing cost models against the oracle."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import strategies as st

from coexplore.accelerators.accelerator import (
    DIMS,
    Accelerator,
    Dim,
    MacUnit,
    MemoryLevel,
    Operand,
    SpatialAxis,
    VectorUnit,
)
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.workloads.op import ALL_IN_MAIN_MEMORY, Bits, Loops, Resident

MOST_MACS = 400


@st.composite
def small_ops(draw: st.DrawFn) -> Loops:
    """Ops of at most `MOST_MACS` multiply-accumulates, with strides, dilations, groups and odd sizes."""
    sizes: dict[str, int] = {}
    left = MOST_MACS
    for dim in draw(st.permutations([dim.value for dim in DIMS])):
        sizes[dim] = draw(st.integers(1, max(1, min(7, left))))
        left //= sizes[dim]
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    bits = Bits(draw(st.sampled_from([4, 8])), draw(st.sampled_from([4, 8])), 8, 32)
    return Loops(**sizes, stride=draw(pair), dilation=draw(pair), bits=bits, resident=ALL_IN_MAIN_MEMORY)


def residents() -> st.SearchStrategy[Resident]:
    """Any operands on chip."""
    return st.builds(Resident, st.booleans(), st.booleans(), st.booleans())


@st.composite
def small_accelerators(draw: st.DrawFn) -> Accelerator:
    """Chains of two to four levels with bypass, odd fan-outs, finite and unlimited ports, and room for everything."""
    levels = []
    for number in range(draw(st.integers(2, 4))):
        keeps = tuple(o for o in Operand if number == 0 or draw(st.booleans()))
        axes = tuple(
            SpatialAxis(f"axis{number}{i}", draw(st.integers(1, 4)), DIMS, draw(st.booleans()), draw(st.integers(0, 2)))
            for i in range(draw(st.integers(0, 2)))
        )
        width = st.one_of(st.none(), st.floats(0.5, 64))
        read = draw(width)
        levels.append(
            MemoryLevel(
                name=f"level{number}",
                keeps=keeps,
                capacity_bytes=None if number == 0 else 2**30,
                read_bytes_per_cycle=read,
                write_bytes_per_cycle=draw(width) if read is not None else None,
                read_j_per_bit=draw(st.floats(0, 1e-11)),
                write_j_per_bit=draw(st.floats(0, 1e-11)),
                double_buffered=draw(st.booleans()),
                word_bits=draw(st.sampled_from([1, 8, 12])),
                block_bits=draw(st.sampled_from([1, 64])),
                fanout=axes,
            )
        )
    return Accelerator("random", 1e9, tuple(levels), MacUnit(8, 1e-13, 0.0, 1e-6), VectorUnit(1.0, 0.0))


@st.composite
def mappings(draw: st.DrawFn, loops: Loops, accelerator: Accelerator) -> Mapping:
    """Any legal mapping: orders, imperfect factors, several loops of a dimension per level, uneven residency."""
    left = {dim: int(getattr(loops, dim.value)) for dim in DIMS}
    levels = []
    for number in range(len(accelerator.levels) - 1, -1, -1):
        spatial = []
        for axis in accelerator.levels[number].fanout:
            dim = draw(st.sampled_from(axis.dims))
            factor = draw(st.integers(1, min(axis.size, left[dim])))
            spatial.append(SpatialLoop(axis.name, dim, factor))
            left[dim] = math.ceil(left[dim] / factor)
        temporal = [loop for dim in DIMS for loop in draw(_temporal(dim, left, outermost=number == 0))]
        levels.append(LevelMapping(tuple(draw(st.permutations(temporal))), tuple(spatial)))
    return Mapping(tuple(reversed(levels)))


@st.composite
def _temporal(draw: st.DrawFn, dim: Dim, left: dict[Dim, int], outermost: bool) -> list[Loop]:
    loops = []
    for last in (False, True):
        factor = left[dim] if outermost and last else draw(st.integers(1, left[dim]))
        left[dim] = math.ceil(left[dim] / factor)
        if factor > 1:
            loops.append(Loop(dim, factor))
    return loops


@st.composite
def mapped_ops(draw: st.DrawFn) -> tuple[Loops, Accelerator, Mapping]:
    """An op, an accelerator, and a legal mapping of one on the other."""
    loops, accelerator = draw(small_ops()), draw(small_accelerators())
    return loops, accelerator, draw(mappings(loops, accelerator))


@st.composite
def resident_mapped_ops(draw: st.DrawFn) -> tuple[Loops, Accelerator, Mapping]:
    """The same with any operands on chip."""
    loops, accelerator, mapping = draw(mapped_ops())
    return replace(loops, resident=draw(residents())), accelerator, mapping

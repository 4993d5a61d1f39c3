"""How do a hardware file and a mapping of ZigZag read as an accelerator and a mapping of ours?

ZigZag lets operands differ in where their tiles end *and* in which array dimensions their memories serve: a sum
register per column beside a weight register per element with its own loops below. No single chain of levels says both.
The counts of the three operands do not depend on each other, so each operand gets its own chain, an `OperandView`: its
memories, and the same loops cut at its own tile boundaries.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, Field, ValidationError

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
from coexplore.core.errors import AcceleratorError, MappingError
from coexplore.core.files import read_limited
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.workloads.op import MAX_SIZE, Bits, Loops

SIZE_LIMIT_BYTES = 1_000_000
PICO = 1e-12
TOLERANCE = 1e-6
"""Of fractions that were multiplied up in floating point."""
CYCLES_PER_S = 1e9
"""ZigZag knows cycles only; any clock does."""
BITS = Bits(weight=8, input=8, output=8, accumulator=16)
"""Precisions of the workloads ZigZag was run on: they are no part of its hardware file."""

DIM_OF = {
    "B": Dim.N, "G": Dim.G, "K": Dim.K, "C": Dim.C, "OY": Dim.P, "OX": Dim.Q, "FY": Dim.R, "FX": Dim.S,
}  # fmt: skip
MEMORY_OPERAND = {"W": "I2", "I": "I1", "O": "O"}
"""What the hardware file calls the operands of a layer."""
OPERAND_OF = {"W": Operand.WEIGHT, "I": Operand.INPUT, "O": Operand.OUTPUT}

Part = list[tuple[Dim, float]]
"""Loops of one level, innermost first."""


class _Port(BaseModel):
    type: Literal["read", "write", "read_write"]
    bandwidth_min: int = Field(gt=0)
    bandwidth_max: int = Field(gt=0)
    allocation: list[str]


class _Memory(BaseModel):
    size: int = Field(gt=0)
    r_cost: float
    w_cost: float
    operands: list[str]
    ports: list[_Port]
    served_dimensions: list[str]


class _Array(BaseModel):
    unit_energy: float
    dimensions: list[str]
    sizes: list[int]


class Hardware(BaseModel):
    """A hardware file: memories innermost first, costs in pJ per access, sizes and bandwidths in bits."""

    name: str
    memories: dict[str, _Memory]
    operational_array: _Array


@dataclass(frozen=True, slots=True)
class OperandView:
    """The accelerator and the mapping as one operand sees them; what they say on the other operands means nothing."""

    operand: Operand
    accelerator: Accelerator
    mapping: Mapping


def read_hardware(path: Path) -> Hardware:
    """The description in a hardware YAML file.

    Raises:
        AcceleratorError: not such a file; the message names the field.
        StoreError: absent, unreadable or larger than one megabyte.
    """
    try:
        return Hardware.model_validate(yaml.safe_load(read_limited(path, SIZE_LIMIT_BYTES, "hardware file")))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise AcceleratorError(f"{path}: {field or 'document'}: {first['msg']}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise AcceleratorError(f"{path} is not valid YAML: {str(error).splitlines()[0]}") from error


def parse_loops(text: str) -> dict[str, list[Part]]:
    """Loops by operand and level from text like `{O: [[], [(OX, 16), (C, 4)]], W: ...}`.

    Raises:
        MappingError: other text, or an operand or a dimension that ZigZag does not have.
    """
    quoted = re.sub(r"[A-Za-z_]\w*", lambda name: f'"{name.group()}"', text[:SIZE_LIMIT_BYTES])
    try:
        document = json.loads(quoted.replace("(", "[").replace(")", "]"))
        found = {str(name): [[_loop(pair) for pair in level] for level in document[name]] for name in MEMORY_OPERAND}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MappingError(f"not loops of O, W and I by level: {text[:80]!r} ({error})") from error
    return found


def _loop(pair: object) -> tuple[Dim, float]:
    if not isinstance(pair, list) or len(pair) != 2 or pair[0] not in DIM_OF:
        raise ValueError(f"{pair} is no dimension of {', '.join(DIM_OF)} with a factor")
    factor = float(pair[1])
    if not 1 <= factor <= MAX_SIZE:
        raise ValueError(f"the factor of {pair[0]} is {factor:g}; legal are 1 to {MAX_SIZE}")
    return DIM_OF[pair[0]], factor


def operand_views(hardware: Hardware, loops: Loops, spatial: str, temporal: str) -> tuple[OperandView, ...]:
    """One view per operand of a mapping as ZigZag prints it.

    Raises:
        AcceleratorError: memories that cannot be expressed.
        MappingError: text that is no mapping, or one of another layer or other hardware.
    """
    unrolled, nested = parse_loops(spatial), parse_loops(temporal)
    views = []
    for name, operand in OPERAND_OF.items():
        memories = [
            (key, memory) for key, memory in hardware.memories.items() if MEMORY_OPERAND[name] in memory.operands
        ]
        if len(nested[name]) != len(memories) or len(unrolled[name]) != len(memories) + 1 or unrolled[name][-1]:
            raise MappingError(
                f"operand {name}: the hardware has {len(memories)} memories, the mapping {len(nested[name])} levels of "
                f"loops and {len(unrolled[name])} of unrolling, of which the last must be empty"
            )
        whole = _whole_factors(loops, unrolled[name], nested[name])
        mapping = _mapping(hardware, memories, whole, nested[name])
        views.append(OperandView(operand, _accelerator(hardware, memories, name), mapping))
    return tuple(views)


def _whole_factors(loops: Loops, unrolled: list[Part], nested: list[Part]) -> list[list[tuple[Dim, int]]]:
    """Unrollings as instances used. ZigZag cuts off fractions when it prints; what the other loops leave restores them.

    Of several unrollings of a dimension the widest may be the fraction.
    """
    whole = [[(dim, int(factor)) for dim, factor in level] for level in unrolled]
    for dim in DIMS:
        size = int(getattr(loops, dim.value))
        steps = math.prod(factor for level in nested for d, factor in level if d is dim)
        places = [(i, j) for i, level in enumerate(whole) for j, (d, _) in enumerate(level) if d is dim]
        if places:
            i, j = max(places, key=lambda place: whole[place[0]][place[1]][1])
            others = math.prod(whole[m][n][1] for m, n in places if (m, n) != (i, j))
            whole[i][j] = (dim, _whole_factor(dim, size, steps * others, whole[i][j][1]))
        elif steps != size:
            raise MappingError(f"loops over {dim.value} multiply to {steps:g}; the layer has {size}")
    return whole


def _whole_factor(dim: Dim, size: int, others: float, printed: int) -> int:
    exact = size / others
    if not exact - 1 < printed < exact + TOLERANCE:
        raise MappingError(f"{dim.value} is unrolled {printed} times and looped {others:g} times; the layer has {size}")
    return math.ceil(exact - TOLERANCE)


def _fanout(hardware: Hardware, memories: list[tuple[str, _Memory]], place: int) -> tuple[SpatialAxis, ...]:
    """The axis below a memory: the array dimensions that it serves and none further in does. Any loops may share it."""
    inner = {dim for _, memory in memories[:place] for dim in memory.served_dimensions}
    sizes = dict(zip(hardware.operational_array.dimensions, hardware.operational_array.sizes, strict=True))
    served = [dim for dim in sizes if dim in memories[place][1].served_dimensions and dim not in inner]
    if not served:
        return ()
    return (SpatialAxis("x".join(served), math.prod(sizes[dim] for dim in served), DIMS),)


def _accelerator(hardware: Hardware, memories: list[tuple[str, _Memory]], name: str) -> Accelerator:
    array = hardware.operational_array
    outermost = len(memories) - 1
    levels = tuple(
        _level(key, memory, name, _fanout(hardware, memories, place), place == outermost)
        for place, (key, memory) in enumerate(memories)
    )
    mac = MacUnit(bits=BITS.weight, energy_j=array.unit_energy * PICO, area_mm2=0.0)
    return Accelerator(hardware.name, CYCLES_PER_S, levels[::-1], mac, VectorUnit(1.0, 0.0))


def _level(key: str, memory: _Memory, name: str, fanout: tuple[SpatialAxis, ...], main: bool) -> MemoryLevel:
    read, write = _port(key, memory, name, ("tl", "th")), _port(key, memory, name, ("fh", "fl"))
    if read.bandwidth_min != write.bandwidth_min:
        raise AcceleratorError(f"memory {key!r}: bandwidth_min of its read and write ports must be equal")
    return MemoryLevel(
        name=key,
        keeps=tuple(Operand) if main else (OPERAND_OF[name],),
        capacity_bytes=None if main else -(-memory.size // 8),
        read_bytes_per_cycle=read.bandwidth_max / 8,
        write_bytes_per_cycle=None if write is read else write.bandwidth_max / 8,
        read_j_per_bit=memory.r_cost * PICO / read.bandwidth_max,
        write_j_per_bit=memory.w_cost * PICO / write.bandwidth_max,
        double_buffered=False,
        block_bits=read.bandwidth_min,
        fanout=fanout,
    )


def _port(key: str, memory: _Memory, name: str, directions: tuple[str, str]) -> _Port:
    """The port of an operand in one direction: from the level or into it, on its lower or upper side."""
    wanted = {f"{MEMORY_OPERAND[name]},{direction}" for direction in directions}
    ports = [p for p in memory.ports if wanted & {entry.replace(" ", "") for entry in p.allocation}]
    if not ports or len({(p.bandwidth_min, p.bandwidth_max) for p in ports}) > 1:
        raise AcceleratorError(
            f"memory {key!r}: operand {name} needs ports for {' and '.join(directions)} with one bandwidth; "
            f"found {len(ports)}"
        )
    return ports[0]


def _mapping(
    hardware: Hardware, memories: list[tuple[str, _Memory]], unrolled: list[list[tuple[Dim, int]]], nested: list[Part]
) -> Mapping:
    levels = []
    for place in range(len(memories)):
        axis = [a.name for a in _fanout(hardware, memories, place)]
        if unrolled[place] and not axis:
            raise MappingError(
                f"memory {memories[place][0]!r} serves no array dimension, yet loops are unrolled below it"
            )
        levels.append(
            LevelMapping(
                tuple(Loop(dim, int(factor)) for dim, factor in reversed(nested[place])),
                tuple(SpatialLoop(axis[0], dim, factor) for dim, factor in unrolled[place]),
            )
        )
    return Mapping(tuple(levels[::-1]))

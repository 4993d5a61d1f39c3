"""What did Timeloop map, and how? Reads its problem description and the loop nest it prints, as our own objects.

The problem is the `problem` part of Timeloop's YAML (version 0.4): any names of dimensions and data spaces, as long as
each dimension plays a part of its own in a convolution or a matrix product. The nest is the text that Timeloop prints
beside its results; it also says which levels there are, what they keep, and how many instances are in use.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping as Table
from dataclasses import dataclass, replace

from coexplore.accelerators.accelerator import (
    DIMS,
    OPERANDS,
    Accelerator,
    Dim,
    MacUnit,
    MemoryLevel,
    Operand,
    SpatialAxis,
    VectorUnit,
)
from coexplore.core.errors import MappingError, WorkloadError
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.workloads.op import MAX_SIZE, Bits, Loops

W, I, O = Operand.WEIGHT, Operand.INPUT, Operand.OUTPUT  # noqa: E741
PARTS = {
    frozenset({W, I, O}): (Dim.G,),
    frozenset({W, O}): (Dim.K,),
    frozenset({W, I}): (Dim.C, Dim.R, Dim.S),
    frozenset({I, O}): (Dim.N, Dim.P, Dim.Q),
}
"""Which of our dimensions a dimension may be that the given operands depend on."""
AXES = ((Dim.P, Dim.R), (Dim.Q, Dim.S))
"""Output position and filter position along the two image axes."""

_LEVEL = re.compile(r"^\s*\|?\s*(\S+) \[ *(.*?)\]\s*$")
_LOOP = re.compile(r"\bfor (\w+) in \[0:(\d+)(,\d+)?\)(?:\s*\(Spatial-([XY])\))?")
_WORD = Bits(8, 8, 8, 8)

Terms = list[tuple[str, int]]
"""One coordinate of a tensor: dimensions and how far each moves it."""


@dataclass(frozen=True, slots=True)
class TimeloopProblem:
    """An op in both vocabularies. All operands have 8 bits, so that a byte of traffic is a word."""

    loops: Loops
    dims: Table[str, Dim]
    """Timeloop's dimensions, those of one iteration included."""
    operands: Table[str, Operand]
    """Timeloop's data spaces."""


def read_problem(document: object) -> TimeloopProblem:
    """The op of a problem description.

    Args:
        document: the `problem` part, as read from YAML.

    Raises:
        WorkloadError: not such a document, or not a convolution or a matrix product.
    """
    try:
        return _problem(document)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        if isinstance(error, WorkloadError):
            raise
        raise WorkloadError(f"not a Timeloop problem (version 0.4): {type(error).__name__} {error}") from error


def _problem(document: object) -> TimeloopProblem:
    if not isinstance(document, dict):
        raise TypeError(f"expected a table with shape and instance, found {type(document).__name__}")
    shape, instance = document["shape"], document["instance"]
    scales = {entry["name"]: int(entry.get("default", 1)) for entry in shape.get("coefficients") or ()}
    scales = {name: int(instance.get(name, value)) for name, value in scales.items()}
    tensors = {
        space["name"]: [
            [(term[0], scales[term[1]] if len(term) > 1 else 1) for term in rank] for rank in space["projection"]
        ]
        for space in shape["data_spaces"]
    }
    written = [space["name"] for space in shape["data_spaces"] if space.get("read_write")]
    operands = _operands(tensors, written)
    sizes = {name: int(instance[name]) for name in shape["dimensions"]}
    for name, value in [*sizes.items(), *scales.items()]:
        if not 1 <= value <= MAX_SIZE:
            raise WorkloadError(f"instance: {name} is {value}; legal are 1 to {MAX_SIZE}")
    dims, loops = _dims(tensors, operands, sizes)
    return TimeloopProblem(loops, dims, operands)


def _operands(tensors: dict[str, list[Terms]], written: list[str]) -> dict[str, Operand]:
    """One tensor is written; of the others, the one with sliding windows, or named so, or the first is the input."""
    if len(tensors) != 3 or len(written) != 1:
        raise WorkloadError(f"data spaces {sorted(tensors)}: two must be read and one read and written")
    read = [name for name in tensors if name != written[0]]
    sliding = [name for name in read if any(len(rank) > 1 for rank in tensors[name])]
    named = [name for name in read if "input" in name.lower()]
    chosen = (sliding or named or read)[0]
    return {chosen: I, next(name for name in read if name != chosen): W, written[0]: O}


def _dims(
    tensors: dict[str, list[Terms]], operands: dict[str, Operand], sizes: dict[str, int]
) -> tuple[dict[str, Dim], Loops]:
    uses = {
        name: frozenset(operands[t] for t, ranks in tensors.items() if any(name == d for r in ranks for d, _ in r))
        for name in sizes
    }
    dims: dict[str, Dim] = {}
    scales = dict.fromkeys(DIMS, 1)
    for axis, window in zip(AXES, _windows(tensors, operands), strict=False):
        for name, scale in window:
            dims[name] = _window_dim(name, axis, uses.get(name, frozenset()), dims)
            scales[dims[name]] = scale
    for name in sizes:
        if name not in dims:
            dims[name] = _free_dim(name, uses[name], dims)
    extents = dict.fromkeys(DIMS, 1) | {dims[name]: size for name, size in sizes.items()}
    n, g, k, c, p, q, r, s = (extents[dim] for dim in DIMS)
    stride, dilation = (scales[Dim.P], scales[Dim.Q]), (scales[Dim.R], scales[Dim.S])
    return dims, Loops(N=n, G=g, K=k, C=c, P=p, Q=q, R=r, S=s, stride=stride, dilation=dilation, bits=_WORD)


def _windows(tensors: dict[str, list[Terms]], operands: dict[str, Operand]) -> list[Terms]:
    """Coordinates of the input along which a filter slides, or that a stride scales."""
    ranks = next(ranks for tensor, ranks in tensors.items() if operands[tensor] is I)
    windows = [rank for rank in ranks if len(rank) > 1 or rank[0][1] != 1]
    if len(windows) > len(AXES):
        raise WorkloadError(f"inputs have {len(windows)} axes with sliding windows; two are known here")
    return windows


def _window_dim(name: str, axis: tuple[Dim, Dim], operands: frozenset[Operand], dims: dict[str, Dim]) -> Dim:
    for dim, expected in zip(axis, ({I, O}, {I, W}), strict=True):
        if operands == expected and dim not in dims.values():
            return dim
    raise WorkloadError(f"dimension {name!r} is neither the output nor the filter position of a sliding window")


def _free_dim(name: str, operands: frozenset[Operand], dims: dict[str, Dim]) -> Dim:
    for dim in PARTS.get(operands, ()):
        if dim not in dims.values():
            return dim
    used = ", ".join(sorted(operand.value for operand in operands)) or "no tensor"
    raise WorkloadError(f"dimension {name!r} ({used}) has no free counterpart among the dimensions of a convolution")


def read_nest(text: str, problem: TimeloopProblem) -> tuple[Accelerator, Mapping]:
    """The levels and the mapping of a printed nest; the accelerator has no sizes, costs or bandwidths.

    Each level's fan-out is as large as the mapping uses it.

    Raises:
        MappingError: a line names an unknown dimension or data space, or a loop has a shorter last iteration.
    """
    names: list[str] = []
    keeps: list[tuple[Operand, ...]] = []
    entries: list[LevelMapping] = []
    for line in text.splitlines():
        head, loop = _LEVEL.match(line), _LOOP.search(line)
        if head:
            names.append(head[1])
            keeps.append(_kept(head[2], problem))
            entries.append(LevelMapping())
        elif loop and entries:
            entries[-1] = _add(entries[-1], loop, problem)
    if not entries:
        raise MappingError("no level found; a printed nest has lines such as 'DRAM [ Weights:9 (9) ]'")
    levels = tuple(
        MemoryLevel(name, kept, None, None, None, 0.0, 0.0, fanout=_fanout(name, entry))
        for name, kept, entry in zip(names, keeps, entries, strict=True)
    )
    return Accelerator("timeloop", 1e9, levels, MacUnit(8, 0.0, 0.0), VectorUnit(1.0, 0.0)), _renamed(names, entries)


def _kept(words: str, problem: TimeloopProblem) -> tuple[Operand, ...]:
    found = [name.partition(":")[0] for name in words.split() if ":" in name]
    unknown = [name for name in found if name not in problem.operands]
    if unknown:
        raise MappingError(f"the nest keeps {unknown[0]!r}; the problem has {sorted(problem.operands)}")
    kept = {problem.operands[name] for name in found}
    return tuple(operand for operand in OPERANDS if operand in kept)


def _add(entry: LevelMapping, loop: re.Match[str], problem: TimeloopProblem) -> LevelMapping:
    name, factor, last, axis = loop[1], int(loop[2]), loop[3], loop[4]
    if last:
        raise MappingError(f"loop {loop[0]!r} has a shorter last iteration; Timeloop's accounting of it is not known")
    if name not in problem.dims:
        raise MappingError(f"the nest loops over {name!r}; the problem has {sorted(problem.dims)}")
    if axis is None:
        return replace(entry, temporal=(*entry.temporal, Loop(problem.dims[name], factor)))
    return replace(entry, spatial=(*entry.spatial, SpatialLoop(axis, problem.dims[name], factor)))


def _fanout(level: str, entry: LevelMapping) -> tuple[SpatialAxis, ...]:
    return tuple(
        SpatialAxis(f"{level}-{axis}", math.prod(loop.factor for loop in entry.spatial if loop.axis == axis), DIMS)
        for axis in ("X", "Y")
        if any(loop.axis == axis for loop in entry.spatial)
    )


def _renamed(names: list[str], entries: list[LevelMapping]) -> Mapping:
    return Mapping(
        tuple(
            replace(entry, spatial=tuple(replace(loop, axis=f"{name}-{loop.axis}") for loop in entry.spatial))
            for name, entry in zip(names, entries, strict=True)
        )
    )

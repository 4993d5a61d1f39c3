"""Which accelerators are like Eyeriss? One budget of elements, scratchpads and buffer, divided in every legal way.

The hardware parameters H1 to H12 of Shi2020, and their known constraints, as six decisions without an illegal point:

| decision | parameters | what it says |
| --- | --- | --- |
| `mesh` | H1, H2, H6, H7, H8 | `14x12/2x3`: elements by columns and rows, shared by 2 x 3 instances of the buffer |
| `scratchpads` | H3, H4, H5 | `12/224/24`: words for inputs, weights and sums of an element, within its local words |
| `block_words` | H9 | words of an access to a bank of the buffer |
| `cluster` | H10 | banks of a buffer instance that serve at once |
| `filter_width`, `filter_height` | H11, H12 | `whole`: an element works through it; `spread`: neighbours share it |

As a chain of levels it is `coexplore.accelerators.eyeriss` with several buffers: energies are in proportion to those of
Chen2016, and the baselines are the two published sizes. The energy of the buffer follows the SRAM table in proportion
to the baseline's; a bank serves one block per cycle.

References:
    Shi2020: Z. Shi et al., Learned hardware/software co-design of neural accelerators, arXiv 2010.02075.
    Chen2016, Chen2017, eyeriss-256: as in `coexplore.accelerators.eyeriss`.

Departures: H1 to H12 are recalled from Shi2020, not looked up; the lists of values, what a cluster is, and the area of
links that add sums are ours. `whole` means here that the array does not unroll the dimension; a mapping search may also
hold it to keep the dimension in the element (`coexplore.studies.mapping_search`), the engine's own mapper does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from coexplore.accelerators.accelerator import Accelerator, Dim, MacUnit, MemoryLevel, Operand, SpatialAxis, VectorUnit
from coexplore.accelerators.eyeriss import (
    BITS,
    BUFFER_COST,
    CLOCK_HZ,
    COLUMN_DIMS,
    DRAM_COST,
    LINK_BITS,
    LINK_HZ,
    NODE_NM,
    PSUM_NOC_WORDS,
    SPAD_COST,
    WORD_BYTES,
)
from coexplore.accelerators.family import ACCELERATOR_FAMILIES
from coexplore.accelerators.technology import PJ, UM2, UW, load_technology
from coexplore.core.errors import AcceleratorError, did_you_mean
from coexplore.spaces.decision import Decision, Value
from coexplore.spaces.factors import divisors
from coexplore.spaces.space import Point, Space

WHOLE, SPREAD = "whole", "spread"
ROW_DIMS = (Dim.G, Dim.K, Dim.C, Dim.P)
"""Sums of channels are always added along a column of the array."""
DRAM_BYTES = LINK_HZ * LINK_BITS / 8 / CLOCK_HZ


@dataclass(frozen=True, slots=True)
class HardwareBudget:
    """What is divided, and the published way to divide it."""

    pes: int
    local_words: int
    """Of the scratchpads of an element together, 16 bits each."""
    buffer_kib: float
    """Of all instances of the global buffer together."""
    baseline: tuple[str, str, int, int]
    """Mesh, scratchpads, block and cluster of the published accelerator."""


BUDGETS = {
    "eyeriss-168": HardwareBudget(168, 260, 100.0, ("14x12/1x1", "12/224/24", 4, 1)),
    "eyeriss-256": HardwareBudget(256, 220, 128.0, ("16x16/1x1", "12/192/16", 4, 4)),
}
"""Chen2017 (recalled) and eyeriss-256."""


@ACCELERATOR_FAMILIES.register("eyeriss-like")
@dataclass(frozen=True, slots=True)
class EyerissLike:
    """Row-stationary arrays of one budget: mesh, buffers, scratchpads, ports and dataflow vary.

    Raises:
        AcceleratorError: an unknown budget, or one that leaves a decision without a value.
    """

    budget: str = "eyeriss-168"
    pes: int | None = None
    """Processing elements; None: as in the budget, and so for the next two."""
    local_words: int | None = None
    buffer_kib: float | None = None
    input_words: tuple[int, ...] = (6, 12, 18, 24, 36, 48, 64)
    weight_words: tuple[int, ...] = (32, 64, 96, 128, 160, 192, 224)
    psum_words: tuple[int, ...] = (4, 8, 16, 24, 32, 48, 64)
    most_buffers: int = 12
    """Instances of the global buffer."""
    block_words: tuple[int, ...] = (1, 2, 4, 8)
    cluster: tuple[int, ...] = (1, 2, 4)

    def __post_init__(self) -> None:
        if self.budget not in BUDGETS:
            raise AcceleratorError(f"eyeriss-like.budget: is {self.budget!r}; {did_you_mean(self.budget, BUDGETS)}")
        for field in ("input_words", "weight_words", "psum_words", "block_words", "cluster"):
            if not getattr(self, field) or min(getattr(self, field)) < 1:
                raise AcceleratorError(f"eyeriss-like.{field}: is {getattr(self, field)}; give whole numbers from 1 on")
        for field in ("block_words", "cluster"):
            if any(value & (value - 1) for value in getattr(self, field)):
                raise AcceleratorError(f"eyeriss-like.{field}: is {getattr(self, field)}; give powers of two")
        if not self._meshes:
            raise AcceleratorError(f"eyeriss-like.most_buffers: is {self.most_buffers}; give at least 1")
        if not self._scratchpads:
            raise AcceleratorError(
                f"eyeriss-like.local_words: {self._divided.local_words} words hold none of the scratchpads; raise it "
                f"to at least {min(self.input_words) + min(self.weight_words) + min(self.psum_words)}"
            )

    @property
    def _divided(self) -> HardwareBudget:
        chosen = BUDGETS[self.budget]
        pes, words, kib = self.pes, self.local_words, self.buffer_kib
        return HardwareBudget(
            chosen.pes if pes is None else pes,
            chosen.local_words if words is None else words,
            chosen.buffer_kib if kib is None else kib,
            chosen.baseline,
        )

    @property
    def _meshes(self) -> tuple[str, ...]:
        """H1 * H2 = elements; H7 divides H1, H8 divides H2; H7 * H8 at most `most_buffers`."""
        return _meshes(self._divided.pes, self.most_buffers)

    @property
    def _scratchpads(self) -> tuple[str, ...]:
        """H3 + H4 + H5 within the local words."""
        triples = ((i, w, s) for i in self.input_words for w in self.weight_words for s in self.psum_words)
        return tuple(f"{i}/{w}/{s}" for i, w, s in triples if i + w + s <= self._divided.local_words)

    @property
    def space(self) -> Space:
        """Six decisions. Kinds, not sizes: every one divides a budget."""
        return _space(self._meshes, self._scratchpads, self.block_words, self.cluster)

    @property
    def presets(self) -> Mapping[str, Point]:
        """`baseline`: the published accelerator of the budget, or what comes nearest to it where that is changed."""
        mesh, scratchpads, block, cluster = BUDGETS[self.budget].baseline
        chosen: dict[str, Value] = {
            "mesh": _nearest(mesh, self._meshes),
            "scratchpads": _nearest(scratchpads, self._scratchpads),
            "block_words": int(_nearest(str(block), [str(words) for words in self.block_words])),
            "cluster": int(_nearest(str(cluster), [str(banks) for banks in self.cluster])),
            "filter_width": WHOLE,
            "filter_height": SPREAD,
        }
        return {"baseline": self.space.point(chosen)}

    def decode(self, point: Point) -> Accelerator:
        """The accelerator of a point.

        Raises:
            AcceleratorError: a bank of the buffer is smaller than any in the technology table.
        """
        budget = self._divided
        elements, _, buffers = str(point["mesh"]).partition("/")
        (x, y), (bx, by) = _pair(elements), _pair(buffers)
        inputs, weights, sums = (int(words) for words in str(point["scratchpads"]).split("/"))
        block, cluster = int(point["block_words"]), int(point["cluster"])
        columns = (*COLUMN_DIMS, Dim.S) if point["filter_width"] == SPREAD else COLUMN_DIMS
        rows = (*ROW_DIMS, Dim.R) if point["filter_height"] == SPREAD else ROW_DIMS
        logic = load_technology(NODE_NM).logic_at(BITS)
        links = budget.pes * ((Dim.S in columns) + (Dim.R in rows)) * WORD_BYTES * logic.register_area_um2 * UM2
        return Accelerator(
            name=f"eyeriss-like {' '.join(str(value) for value in point.values())}, {budget.buffer_kib:g} KiB",
            clock_hz=CLOCK_HZ,
            levels=(
                _dram((SpatialAxis("buffer_x", bx, columns), SpatialAxis("buffer_y", by, rows))),
                _buffer(
                    self.budget, budget.buffer_kib / (bx * by), block, cluster,
                    (SpatialAxis("pe_x", x // bx, columns), SpatialAxis("pe_y", y // by, rows)),
                ),
                _scratchpad("weight_spad", Operand.WEIGHT, weights),
                _scratchpad("input_spad", Operand.INPUT, inputs),
                _scratchpad("psum_spad", Operand.OUTPUT, sums),
            ),
            mac=MacUnit(BITS, logic.mac_pj * PJ, logic.mac_area_um2 * UM2, logic.mac_leakage_uw * UW),
            vector=VectorUnit(operations_per_cycle=PSUM_NOC_WORDS, energy_j=logic.mac_pj * PJ),
            other_area_mm2=(("sum_links", links),),
        )  # fmt: skip

    def features(self, points: Sequence[Point]) -> npt.NDArray[np.float64]:
        """(n, 11) Ratio of the mesh; shares of the scratchpads and what they leave; buffers, their ratio, block and
        cluster as powers of two; whether filter width and height are spread.
        """
        words = self._divided.local_words
        return np.array([_features(point, words) for point in points], np.float64).reshape(len(points), -1)


def _features(point: Point, local_words: int) -> list[float]:
    elements, _, buffers = str(point["mesh"]).partition("/")
    (x, y), (bx, by) = _pair(elements), _pair(buffers)
    shares = [int(words) / local_words for words in str(point["scratchpads"]).split("/")]
    return [
        math.log2(x / y), abs(math.log2(x / y)), *shares, 1 - sum(shares), math.log2(bx), math.log2(by),
        math.log2(int(point["block_words"])), math.log2(int(point["cluster"])),
        float(point["filter_width"] == SPREAD), float(point["filter_height"] == SPREAD),
    ]  # fmt: skip


def _nearest(published: str, legal: Sequence[str]) -> str:
    """The legal value whose numbers are nearest to those of the published one, by their logarithms."""
    return min(legal, key=lambda value: sum((a - b) ** 2 for a, b in zip(_logs(value), _logs(published), strict=True)))


def _logs(text: str) -> list[float]:
    return [math.log2(int(number)) for number in text.replace("x", "/").split("/")]


def _pair(text: str) -> tuple[int, int]:
    columns, _, rows = text.partition("x")
    return int(columns), int(rows)


@lru_cache
def _meshes(pes: int, most_buffers: int) -> tuple[str, ...]:
    if pes < 1:
        raise AcceleratorError(f"eyeriss-like.pes: is {pes}; give at least 1")
    return tuple(
        f"{x}x{pes // x}/{bx}x{by}"
        for x in divisors(pes)
        for bx in divisors(x)
        for by in divisors(pes // x)
        if bx * by <= most_buffers
    )


@lru_cache
def _space(
    meshes: tuple[str, ...], scratchpads: tuple[str, ...], block_words: tuple[int, ...], cluster: tuple[int, ...]
) -> Space:
    kinds = (WHOLE, SPREAD)
    return Space(
        (
            Decision("mesh", meshes),
            Decision("scratchpads", scratchpads),
            Decision("block_words", block_words),
            Decision("cluster", cluster),
            Decision("filter_width", kinds),
            Decision("filter_height", kinds),
        )
    )


# Levels are shared by the accelerators of a space: what follows from one is then found out once.


def _j_per_bit(cost: float) -> float:
    """Of an access that costs so many multiply-accumulates."""
    return cost * load_technology(NODE_NM).logic_at(BITS).mac_pj * PJ / BITS


@lru_cache(maxsize=4096)
def _dram(fanout: tuple[SpatialAxis, ...]) -> MemoryLevel:
    energy = _j_per_bit(DRAM_COST)
    return MemoryLevel("dram", tuple(Operand), None, DRAM_BYTES, None, energy, energy, word_bits=BITS, fanout=fanout)


@lru_cache(maxsize=4096)
def _buffer(budget: str, kib: float, block: int, cluster: int, fanout: tuple[SpatialAxis, ...]) -> MemoryLevel:
    """Inputs and sums; as in the chip, tiles are not double buffered."""
    bank = load_technology(NODE_NM).sram_at(kib / cluster, block * BITS)
    _, _, usual_block, usual_cluster = BUDGETS[budget].baseline
    usual = load_technology(NODE_NM).sram_at(BUDGETS[budget].buffer_kib / usual_cluster, usual_block * BITS)
    energy = _j_per_bit(BUFFER_COST) * (bank.read_pj / block) / (usual.read_pj / usual_block)
    port = float(block * cluster * WORD_BYTES)
    return MemoryLevel(
        name="global_buffer",
        keeps=(Operand.INPUT, Operand.OUTPUT),
        capacity_bytes=int(kib * 1024),
        read_bytes_per_cycle=port,
        write_bytes_per_cycle=port,
        read_j_per_bit=energy,
        write_j_per_bit=energy,
        area_mm2=cluster * bank.area_um2 * UM2,
        leakage_w=cluster * bank.leakage_uw * UW,
        double_buffered=False,
        word_bits=BITS,
        block_bits=block * BITS,
        fanout=fanout,
    )


@lru_cache(maxsize=1024)
def _scratchpad(name: str, operand: Operand, words: int) -> MemoryLevel:
    energy = _j_per_bit(SPAD_COST)
    return MemoryLevel(
        name=name,
        keeps=(operand,),
        capacity_bytes=words * WORD_BYTES,
        read_bytes_per_cycle=2.0 * WORD_BYTES,
        write_bytes_per_cycle=2.0 * WORD_BYTES,
        read_j_per_bit=energy,
        write_j_per_bit=energy,
        area_mm2=words * load_technology(NODE_NM).logic_at(BITS).register_area_um2 * UM2,
        double_buffered=False,
        word_bits=BITS,
    )

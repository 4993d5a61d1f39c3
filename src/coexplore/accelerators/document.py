"""What may stand in an accelerator file? Its fields, their units and bounds, and from them the JSON schema.

Numbers are in the unit at the end of the field's name. With a technology, energies and areas may be left out.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

FORMAT = "coexplore-accelerator/1"
MOST_LEVELS = 12
MOST_AXES = 6
"""Per level."""
LARGEST_COUNT = 2**20
LARGEST_CAPACITY_BYTES = 2**50
LARGEST_NUMBER = 1e30
LONGEST_NAME = 200

T = TypeVar("T")


def _different(values: list[T]) -> list[T]:
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise ValueError(f"lists {twice[0]!r} twice; once is enough")
    return values


Different = Annotated[list[T], AfterValidator(_different)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
Amount = Annotated[float, Field(ge=0, le=LARGEST_NUMBER)]
Positive = Annotated[float, Field(gt=0, le=LARGEST_NUMBER)]
OperandName = Literal["weight", "input", "output"]
DimName = Literal["N", "G", "K", "C", "P", "Q", "R", "S"]


class Section(BaseModel):
    """Refuses what it does not know, and converts nothing."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class SramSection(Section):
    """Static memory of equal single-port banks side by side."""

    size_kib: Positive
    """Of all banks together; 1 KiB is 1024 bytes."""
    banks: Count = 1
    width_bits: Annotated[int, Field(ge=8, le=512)] = 64
    """What a bank reads or writes in a cycle."""


class RegistersSection(Section):
    """Flip-flops, read and written without limit."""

    bits: Count
    """Of a word."""
    words: Count = 1


class DramSection(Section):
    """Main memory, with its interface on the chip."""

    type: Name
    """A row of the technology table: lpddr4, lpddr2, ddr3, hbm2 or hbm3."""
    gb_per_s: Positive | None = None
    """Peak bandwidth, reads and writes together; 1 GB is 1e9 bytes. Absent: unlimited."""


def _as_dram(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


class ComponentSection(Section):
    """What a level is made of: one of these. Numbers given beside it take precedence."""

    sram: SramSection | None = None
    registers: RegistersSection | None = None
    dram: Annotated[DramSection | None, BeforeValidator(_as_dram, json_schema_input_type=DramSection | str | None)] = (
        None
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("sram", "registers", "dram") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"has {' and '.join(given) or 'nothing'}; give one of sram, registers and dram")
        return self


class AxisSection(Section):
    """One direction in which everything further inside is repeated."""

    name: Name
    size: Count
    """Instances side by side."""
    dims: Different[DimName] = ["N", "G", "K", "C", "P", "Q", "R", "S"]
    """Loop dimensions that may be unrolled over it. An axis that cannot add partial sums has none of C, R and S."""
    multicast: bool = True
    """Instances that need the same data share one read above; without it, each reads its own copy."""
    hop_cycles: Annotated[int, Field(ge=0, le=LARGEST_COUNT)] = 0
    """Cycles from one instance to the next: 1 in a systolic array, 0 where data are broadcast."""


class LevelSection(Section):
    """One storage of the chain and the fan-out below it. All numbers are per instance."""

    name: Name
    component: ComponentSection | None = None
    """Looks capacity, port, energies, area and leakage up in the technology."""
    keeps: Different[OperandName] = ["weight", "input", "output"]
    """Operands stored here; the others pass by."""
    capacity_bytes: Annotated[int, Field(ge=1, le=LARGEST_CAPACITY_BYTES)] | None = None
    """Shared by the operands kept. Absent: unlimited. The first level, main memory, has none."""
    read_bytes_per_cycle: Positive | None = None
    """Absent: unlimited."""
    write_bytes_per_cycle: Positive | None = None
    """Absent: writes share the read port."""
    read_j_per_bit: Amount | None = None
    """Needed without a component."""
    write_j_per_bit: Amount | None = None
    """Absent: as `read_j_per_bit`."""
    area_mm2: Amount | None = None
    leakage_w: Amount | None = None
    double_buffered: bool = True
    """A tile that changes occupies twice its size, and its transfer overlaps with work."""
    word_bits: Count = 1
    """An element occupies whole words."""
    block_bits: Count = 1
    """An access moves whole blocks."""
    fanout: Annotated[list[AxisSection], Field(max_length=MOST_AXES)] = []
    """How often everything further inside is repeated under one instance."""


class MacSection(Section):
    """One multiplier with its adder."""

    bits: Annotated[int, Field(ge=1, le=64)]
    """Widest weight or input it multiplies."""
    energy_j: Amount | None = None
    """Per multiply-accumulate at full width."""
    area_mm2: Amount | None = None
    leakage_w: Amount | None = None


class VectorSection(Section):
    """What computes pooling, additions, normalisation and softmax."""

    operations_per_cycle: Positive
    energy_j: Amount | None = None
    """Per operation on one element."""
    area_mm2: Amount | None = None


def _as_areas(value: object) -> object:
    """Earlier files hold pairs."""
    pairs = isinstance(value, list) and all(
        isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) for entry in value
    )
    return dict(value) if pairs and isinstance(value, list) else value


Areas = Annotated[dict[Name, Amount], Field(max_length=100)]


class AcceleratorSection(Section):
    """An accelerator: a chain of memory levels, main memory first, with an array of multipliers under the last."""

    model_config = ConfigDict(title="coexplore accelerator")

    format: Literal["coexplore-accelerator/1"]
    name: Name = "accelerator"
    technology: int | None = None
    """Node in nm, to look components up: 45, 28, 22, 16 or 7."""
    clock_hz: Annotated[float, Field(gt=0, le=1e12)]
    levels: Annotated[list[LevelSection], Field(min_length=1, max_length=MOST_LEVELS)]
    """Outermost first."""
    mac: MacSection
    vector: VectorSection
    other_area_mm2: Annotated[Areas, BeforeValidator(_as_areas, json_schema_input_type=Areas)] = {}
    """Area that belongs to no level, by name."""


SECTIONS: dict[tuple[str, ...], type[Section]] = {
    (): AcceleratorSection,
    ("levels",): LevelSection,
    ("levels", "component"): ComponentSection,
    ("levels", "component", "sram"): SramSection,
    ("levels", "component", "registers"): RegistersSection,
    ("levels", "component", "dram"): DramSection,
    ("levels", "fanout"): AxisSection,
    ("mac",): MacSection,
    ("vector",): VectorSection,
}
"""By path, positions left out."""


def accelerator_schema() -> dict[str, object]:
    """The JSON schema of an accelerator file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **AcceleratorSection.model_json_schema()}

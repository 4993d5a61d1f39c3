"""Which accelerator does a file mean? Its fields with every look-up in the technology tables carried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from coexplore.accelerators.accelerator import Accelerator, Dim, MacUnit, MemoryLevel, Operand, SpatialAxis, VectorUnit
from coexplore.accelerators.components import Storage, main_memory, multiplier, registers, sram, vector_unit
from coexplore.accelerators.document import (
    AcceleratorSection,
    AxisSection,
    ComponentSection,
    LevelSection,
    MacSection,
    VectorSection,
)
from coexplore.accelerators.technology import Technology, known_nodes_nm, load_technology
from coexplore.core.errors import AcceleratorError

T = TypeVar("T")
MOST_MULTIPLIERS = 2**40
IO = "io"
"""Name of the area of main memory's interface."""


def build(section: AcceleratorSection) -> Accelerator:
    """The accelerator that a document stands for.

    Raises:
        AcceleratorError: the message begins with the path of the wrong field.
    """
    node = section.technology
    technology = None if node is None else _at("technology", lambda: load_technology(node))
    storages = [_storage(i, level, section.clock_hz, technology) for i, level in enumerate(section.levels)]
    pairs = zip(section.levels, storages, strict=True)
    levels = tuple(_level(f"levels.{i}", level, storage) for i, (level, storage) in enumerate(pairs))
    mac, vector = _mac(section.mac, technology), _vector(section.vector, technology)
    other = tuple((_io_area(section, storages) | section.other_area_mm2).items())
    accelerator = _at("levels", lambda: Accelerator(section.name, section.clock_hz, levels, mac, vector, other))
    if accelerator.macs_per_cycle > MOST_MULTIPLIERS:
        raise AcceleratorError("levels: the fan-outs multiply to more than 2^40 multipliers; describe a smaller array")
    return accelerator


def _at(path: str, make: Callable[[], T]) -> T:
    """What `make` gives; what it complains about gets the path in front."""
    try:
        return make()
    except AcceleratorError as error:
        raise AcceleratorError(f"{path}: {error}") from error


def _needed(technology: Technology | None, path: str) -> Technology:
    if technology is None:
        nodes = ", ".join(map(str, known_nodes_nm()))
        raise AcceleratorError(f"{path}: is looked up in a technology; add one at the top, of {nodes} (nm)")
    return technology


def _storage(number: int, level: LevelSection, clock_hz: float, technology: Technology | None) -> Storage | None:
    component, path = level.component, f"levels.{number}.component"
    if component is None:
        return None
    table = _needed(technology, path)
    return _at(path, lambda: _made_of(component, table, clock_hz))


def _made_of(component: ComponentSection, technology: Technology, clock_hz: float) -> Storage:
    if component.sram is not None:
        return sram(technology, component.sram.size_kib, component.sram.banks, component.sram.width_bits)
    if component.registers is not None:
        return registers(technology, component.registers.words, component.registers.bits)
    assert component.dram is not None
    return main_memory(technology, component.dram.type, component.dram.gb_per_s, clock_hz)


def _io_area(section: AcceleratorSection, storages: list[Storage | None]) -> dict[str, float]:
    """The interface of main memory is a part of its own, not of the memory."""
    made = zip(section.levels, storages, strict=True)
    areas = [storage.area_mm2 for level, storage in made if storage and level.component and level.component.dram]
    return {IO: sum(areas)} if any(areas) else {}


def _level(path: str, level: LevelSection, storage: Storage | None) -> MemoryLevel:
    """A level; what the file says goes before what the component gives."""
    given = level.model_fields_set
    if storage is None:
        if level.read_j_per_bit is None:
            raise AcceleratorError(f"{path}.read_j_per_bit: is missing; add it, or a component to look it up")
        write = level.read_j_per_bit if level.write_j_per_bit is None else level.write_j_per_bit
        storage = Storage(None, None, level.read_j_per_bit, write)
    is_dram = level.component is not None and level.component.dram is not None
    return _at(
        path,
        lambda: MemoryLevel(
            name=level.name,
            keeps=tuple(Operand(name) for name in level.keeps),
            capacity_bytes=level.capacity_bytes if "capacity_bytes" in given else storage.capacity_bytes,
            read_bytes_per_cycle=(
                level.read_bytes_per_cycle if "read_bytes_per_cycle" in given else storage.bytes_per_cycle
            ),
            write_bytes_per_cycle=level.write_bytes_per_cycle,
            read_j_per_bit=_first(level.read_j_per_bit, storage.read_j_per_bit),
            write_j_per_bit=_first(level.write_j_per_bit, storage.write_j_per_bit),
            area_mm2=_first(level.area_mm2, 0.0 if is_dram else storage.area_mm2),
            leakage_w=_first(level.leakage_w, storage.leakage_w),
            double_buffered=level.double_buffered,
            word_bits=level.word_bits,
            block_bits=level.block_bits,
            fanout=tuple(_axis(axis) for axis in level.fanout),
        ),
    )


def _first(given: float | None, otherwise: float) -> float:
    return otherwise if given is None else given


def _axis(axis: AxisSection) -> SpatialAxis:
    return SpatialAxis(axis.name, axis.size, tuple(Dim(name) for name in axis.dims), axis.multicast, axis.hop_cycles)


def _mac(section: MacSection, technology: Technology | None) -> MacUnit:
    bits, energy, area, leakage = section.bits, section.energy_j, section.area_mm2, section.leakage_w
    if energy is None:
        table = _needed(technology, "mac.energy_j")
        looked_up = _at("mac.bits", lambda: multiplier(table, bits))
        energy = looked_up.energy_j
        area, leakage = _first(area, looked_up.area_mm2), _first(leakage, looked_up.leakage_w)
    return MacUnit(bits, energy, _first(area, 0.0), _first(leakage, 0.0))


def _vector(section: VectorSection, technology: Technology | None) -> VectorUnit:
    operations, energy, area = section.operations_per_cycle, section.energy_j, section.area_mm2
    if energy is None:
        looked_up = vector_unit(_needed(technology, "vector.energy_j"), operations)
        energy, area = looked_up.energy_j, _first(area, looked_up.area_mm2)
    return VectorUnit(operations, energy, _first(area, 0.0))

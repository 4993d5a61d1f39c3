"""What does a workload cost on an accelerator? Prices every op under its best (or a given) mapping and adds up.

Ops run one after the other, each from main memory to main memory unless a residency says what stays on chip. Totals
are sums over ops; the area is the chip's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as Table
from dataclasses import asdict, dataclass, field, replace

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import MappingError
from coexplore.cost.accounting import PHYSICS, Accounting
from coexplore.cost.kept import Kept
from coexplore.cost.mapper import Goal, Mapped, best_mappings
from coexplore.cost.mapping import Mapping, mapping_from_document
from coexplore.cost.obstacle import Obstacle
from coexplore.cost.replay import replay
from coexplore.cost.residency import MAIN_MEMORY, Residency, keep, with_residents
from coexplore.cost.vector import price_vector_op
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Loops, Op

__all__ = ["Goal", "OpCost", "WorkloadCost", "mappings_document", "mappings_from_document", "price"]

CHIP_METRICS = frozenset(
    {
        *("latency_s", "energy_j", "edp_js", "area_mm2", "power_w", "throughput_per_s"),
        *("macs", "parameters", "utilisation"),
    }
)
"""What is measured of a workload on an accelerator."""


@dataclass(frozen=True, slots=True)
class OpCost:
    """Cost of one op. An infeasible op has infinite latency and energy, and a reason."""

    name: str
    kind: str
    """Class of the op: Conv2d, Linear, ..."""
    macs: int
    latency_s: float
    energy_j: float
    compute_cycles: float
    fill_drain_cycles: float
    """Data on their way through the array."""
    stall_cycles: float
    """Cycles the array waits because a memory port is busier than it."""
    onload_cycles: float
    offload_cycles: float
    total_cycles: float
    bound: str
    """`compute`, `<level> bandwidth`, `fused` or `none`."""
    utilisation: float
    """Multiply-accumulates over what the array could do in that time, 0 to 1."""
    energy_by: tuple[tuple[str, str, float], ...] = ()
    """(level, operand, joule); adds up to `energy_j`."""
    traffic_bits: tuple[tuple[str, str, int, int], ...] = ()
    """(level, operand, bits read, bits written), over all instances; empty for ops of the vector unit."""
    stall_by: tuple[tuple[str, float], ...] = ()
    """(level, cycles by which its port is busy beyond the array's own); stalls overlap, so they do not add up."""
    mapping: Mapping | None = None
    feasible: bool = True
    reason: str = ""
    obstacle: Obstacle | None = None
    """Which level and operand, and the nearest legal factor, when a tile does not fit."""
    gap: float | None = field(default=None, compare=False)
    """By which share of what its mapping minimises another of the mapspace may be better, at most; 0: the optimum.
    None where no mapping was searched."""


@dataclass(frozen=True, slots=True)
class WorkloadCost:
    """Cost of a workload: its ops in order, and the accelerator's area."""

    workload: str
    accelerator: str
    ops: tuple[OpCost, ...]
    area_mm2: float
    parameters: int
    peak_macs_per_s: float
    residency: Residency = MAIN_MEMORY
    """What was assumed to stay on chip."""

    @property
    def feasible(self) -> bool:
        """Whether every op can run."""
        return all(op.feasible for op in self.ops)

    @property
    def reason(self) -> str:
        """Which ops cannot run and why; empty when all can."""
        blocked = [op for op in self.ops if not op.feasible]
        if not blocked:
            return ""
        more = f" (and {len(blocked) - 1} more ops)" if len(blocked) > 1 else ""
        return f"op {blocked[0].name!r} cannot run: {blocked[0].reason}{more}"

    @property
    def latency_s(self) -> float:
        """Time of one run."""
        return math.fsum(op.latency_s for op in self.ops)

    @property
    def energy_j(self) -> float:
        """Energy of one run, leakage included."""
        return math.fsum(op.energy_j for op in self.ops)

    @property
    def edp_js(self) -> float:
        """Energy-delay product."""
        return self.energy_j * self.latency_s

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return sum(op.macs for op in self.ops)

    @property
    def utilisation(self) -> float:
        """Multiply-accumulates over the array's peak during the run."""
        return self.macs / (self.latency_s * self.peak_macs_per_s) if self.latency_s > 0 else 0.0

    @property
    def largest_gap(self) -> float | None:
        """Of the ops whose mapping was searched; None where none was."""
        return max((op.gap for op in self.ops if op.gap is not None), default=None)

    def metrics(self) -> dict[str, float]:
        """All cost metrics by name; only meaningful when feasible."""
        latency = self.latency_s
        return {
            "latency_s": latency,
            "energy_j": self.energy_j,
            "edp_js": self.edp_js,
            "area_mm2": self.area_mm2,
            "power_w": self.energy_j / latency if latency > 0 else 0.0,
            "throughput_per_s": 1 / latency if latency > 0 else math.inf,
            "macs": float(self.macs),
            "parameters": float(self.parameters),
            "utilisation": self.utilisation,
        }

    def document(self) -> dict[str, object]:
        """Everything, as lists, dicts and scalars that JSON takes."""
        ops = []
        for op in self.ops:
            entry = asdict(op)
            entry["mapping"] = op.mapping.document() if op.mapping else None
            entry["energy_by"] = [list(row) for row in op.energy_by]
            entry["traffic_bits"] = [list(row) for row in op.traffic_bits]
            entry["stall_by"] = [list(row) for row in op.stall_by]
            for name in ("latency_s", "energy_j", "total_cycles"):
                entry[name] = entry[name] if op.feasible else None
            ops.append(entry)
        head = {
            "workload": self.workload,
            "accelerator": self.accelerator,
            "feasible": self.feasible,
            "reason": self.reason,
            "residency": asdict(self.residency),
        }
        return {**head, "metrics": self.metrics() if self.feasible else {"area_mm2": self.area_mm2}, "ops": ops}


def price(
    workload: Workload,
    accelerator: Accelerator,
    goal: Goal = Goal.EDP,
    mappings: Table[str, Mapping] | None = None,
    accounting: Accounting = PHYSICS,
    residency: Residency = MAIN_MEMORY,
    limit: int | None = None,
) -> WorkloadCost:
    """Price a workload.

    Args:
        workload: what runs.
        accelerator: where it runs.
        goal: what the mapping of each op minimises.
        mappings: by op name; given ones are replayed instead of searched. Every multiply-accumulate op needs one then.
        accounting: conventions by which a mapping is priced; the search itself always follows clean physics.
        residency: which tensors stay on chip between ops; none by default.
        limit: of the search for each mapping, as for `coexplore.cost.mapper.best_mapping`; ops then have a gap.

    Raises:
        ConfigError: the limit is no whole number of at least 1.
        MappingError: a given mapping is missing or does not fit, or something stays on chip and the accounting is not
            that of physics.
    """
    kept = keep(workload, accelerator, residency)
    nests = [with_residents(op, loops, kept) for op, loops in workload.mac_ops()]
    found = best_mappings(nests, accelerator, goal, limit) if mappings is None else {}
    ops = tuple(_price_op(workload, op, accelerator, found, mappings, accounting, kept) for op in workload.ops)
    return WorkloadCost(
        workload.name, accelerator.name, ops, accelerator.area_mm2, workload.parameters,
        accelerator.macs_per_cycle * accelerator.clock_hz, residency,
    )  # fmt: skip


def _price_op(
    workload: Workload, op: Op, accelerator: Accelerator, found: Table[Loops, Mapped],
    mappings: Table[str, Mapping] | None, accounting: Accounting, kept: Kept,
) -> OpCost:  # fmt: skip
    loops = workload.loops(op)
    kind = type(op).__name__
    if loops is None:
        cost = price_vector_op(workload, op, accelerator, kept)
        energy = math.fsum(joule for _, _, joule in cost.energy_by)
        stall = cost.total_cycles - min(cost.compute_cycles, cost.total_cycles)
        return OpCost(
            op.name, kind, 0, cost.total_cycles / accelerator.clock_hz, energy, cost.compute_cycles, 0.0, stall, 0.0,
            0.0,
            cost.total_cycles, cost.bound, 0.0, cost.energy_by,
        )  # fmt: skip
    loops = with_residents(op, loops, kept)
    if mappings is not None:
        if op.name not in mappings:
            raise MappingError(
                f"no mapping for op {op.name!r}; the document has {len(mappings)} mappings for other ops"
            )
        return _mapped(op.name, kind, loops, accelerator, mappings[op.name], accounting)
    best = found[loops]
    if best.mapping is None:
        return _blocked(op.name, kind, loops, None, best.reason, best.obstacle)
    return replace(_mapped(op.name, kind, loops, accelerator, best.mapping, accounting), gap=best.gap)


def _mapped(
    name: str, kind: str, loops: Loops, accelerator: Accelerator, mapping: Mapping, accounting: Accounting
) -> OpCost:
    try:
        result = replay(loops, accelerator, mapping, accounting)
    except MappingError as error:
        raise MappingError(f"op {name!r}: {error}") from error
    if not result.feasible:
        return _blocked(name, kind, loops, mapping, result.reason, result.obstacle)
    return OpCost(
        name, kind, loops.macs, result.total_cycles / accelerator.clock_hz, result.energy_j,
        result.compute_cycles, result.fill_drain_cycles, result.stall_cycles, result.onload_cycles,
        result.offload_cycles, result.total_cycles, result.bound,
        loops.macs / (result.total_cycles * accelerator.macs_per_cycle), result.energy_by,
        result.traffic_bits, result.stall_by, mapping,
    )  # fmt: skip


def _blocked(
    name: str, kind: str, loops: Loops, mapping: Mapping | None, reason: str, obstacle: Obstacle | None
) -> OpCost:
    return OpCost(
        name, kind, loops.macs, math.inf, math.inf, 0.0, 0.0, 0.0, 0.0, 0.0, math.inf, "none", 0.0,
        mapping=mapping, feasible=False, reason=reason, obstacle=obstacle,
    )  # fmt: skip


def mappings_document(cost: WorkloadCost) -> dict[str, object]:
    """The mapping of every multiply-accumulate op by name, for JSON."""
    return {op.name: op.mapping.document() for op in cost.ops if op.mapping is not None}


def mappings_from_document(document: object) -> dict[str, Mapping]:
    """The inverse of `mappings_document`.

    Raises:
        MappingError: not of that form; names the op.
    """
    if not isinstance(document, dict):
        raise MappingError(f"a mapping document is an object from op names to mappings, not {type(document).__name__}")
    mappings = {}
    for name, entry in document.items():
        try:
            mappings[str(name)] = mapping_from_document(entry)
        except MappingError as error:
            raise MappingError(f"op {name!r}: {error}") from error
    return mappings

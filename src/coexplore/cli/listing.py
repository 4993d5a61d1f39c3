"""`coexplore list`: which names can a study file use?"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from coexplore.accelerators.family import ACCELERATOR_FAMILIES, ACCELERATOR_PRESETS, accelerator_names
from coexplore.accelerators.fpga_devices import FPGA_DEVICES
from coexplore.accuracy.data import DATASETS
from coexplore.cli.output import print_json, print_tables
from coexplore.core.errors import UnknownNameError
from coexplore.core.registry import Registry
from coexplore.networks.network import NETWORK_FAMILIES, NETWORK_PRESETS
from coexplore.objectives.metrics import METRICS
from coexplore.objectives.reward import REWARDS
from coexplore.reports.table import name_table
from coexplore.strategies.strategy import STRATEGIES
from coexplore.systems.system import SYSTEMS, all_claims

T = TypeVar("T")
Entries = dict[str, str]
"""What each name stands for, in one line."""


def list_names(kind: str | None, as_json: bool) -> int:
    """Print every name, or those of one kind.

    Raises:
        UnknownNameError: no such kind.
    """
    if kind is not None and kind not in KINDS:
        raise UnknownNameError("kind of name", kind, KINDS)
    found = {name: entries() for name, entries in KINDS.items() if kind in (None, name)}
    if as_json:
        print_json({name: [{"name": n, "description": d} for n, d in sorted(e.items())] for name, e in found.items()})
    else:
        print_tables(*(name_table(name, sorted(entries.items())) for name, entries in found.items()))
    return 0


def _documented(registry: Registry[T]) -> Entries:
    return {name: _first_line(registry.get(name)) for name in registry}


def _first_line(entry: object) -> str:
    documented = entry.func if isinstance(entry, functools.partial) else entry
    lines = (documented.__doc__ or "").strip().splitlines()
    return lines[0] if lines else ""


def _accelerator_presets() -> Entries:
    points = {
        f"{name}/{preset}": ", ".join(f"{knob} {value}" for knob, value in point.items())
        for name in ACCELERATOR_FAMILIES
        for preset, point in ACCELERATOR_FAMILIES.get(name)().presets.items()
        if f"{name}/{preset}" in accelerator_names()
    }
    return _documented(ACCELERATOR_PRESETS) | points


def _metrics() -> Entries:
    metrics = [METRICS.get(name) for name in METRICS]
    return {m.name: f"{m.description} [{m.unit}, {m.direction.value}]" for m in metrics}


def _fpgas() -> Entries:
    return {
        name: f"{device.board}: {device.dsp} DSP slices, {device.bram18} block RAMs of 18 Kb, {device.lut} look-up "
        f"tables, {device.bandwidth_gb_s:g} GB/s, {device.clock_hz / 1e6:g} MHz, {device.power_w:g} W"
        for name, device in FPGA_DEVICES.items()
    }


KINDS: dict[str, Callable[[], Entries]] = {
    "networks": lambda: _documented(NETWORK_FAMILIES),
    "network-presets": lambda: _documented(NETWORK_PRESETS),
    "accelerators": lambda: _documented(ACCELERATOR_FAMILIES),
    "accelerator-presets": _accelerator_presets,
    "fpgas": _fpgas,
    "strategies": lambda: _documented(STRATEGIES),
    "datasets": lambda: _documented(DATASETS),
    "metrics": _metrics,
    "rewards": lambda: _documented(REWARDS),
    "systems": lambda: {name: SYSTEMS.get(name).paper for name in SYSTEMS},
    "claims": lambda: {name: claim.statement for name, (_, claim) in all_claims().items()},
}
"""What can be listed."""

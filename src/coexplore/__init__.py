"""Finds a neural network and the accelerator that runs it, together.

The public names below are loaded when first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_HOMES = {
    "core.errors": ("CoexploreError",),
    "spaces.decision": ("Condition", "Decision"),
    "spaces.space": ("Point", "Space", "product"),
    "objectives.metrics": ("METRICS", "Metric"),
    "objectives.objective": ("Constraint", "Feasibility", "Objective"),
    "objectives.pareto": ("hypervolume", "non_dominated"),
    "strategies.strategy": ("STRATEGIES", "Observation", "Strategy", "Suggestion"),
    "workloads.graph": ("Workload",),
    "workloads.op": ("Bits", "Loops"),
    "workloads.onnx_import": ("read_onnx",),
    "workloads.torch_import": ("from_torch",),
    "networks.network": ("NETWORK_FAMILIES", "NETWORK_PRESETS", "Network"),
    "accelerators.accelerator": ("Accelerator", "MemoryLevel"),
    "accelerators.description": ("read_accelerator",),
    "accelerators.family": ("ACCELERATOR_FAMILIES", "find_accelerator"),
    "cost.mapper": ("Goal", "best_mapping"),
    "cost.model": ("WorkloadCost", "price"),
    "cost.grid": ("price_grid",),
    "cost.replay": ("replay",),
    "studies.config": ("StudyConfig", "load_config"),
    "studies.study": ("StudyResult", "open_study", "run_study"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'coexplore' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"coexplore.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})

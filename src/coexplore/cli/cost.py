"""`coexplore cost`: what does a model cost on an accelerator?"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping as Table
from dataclasses import dataclass
from pathlib import Path

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.family import find_accelerator
from coexplore.cli.compilation import announce_compilation
from coexplore.cli.errors import DONE, NOTHING_FEASIBLE
from coexplore.cli.output import print_json, print_line, print_tables
from coexplore.core.errors import ConfigError, MappingError, UnknownNameError
from coexplore.core.files import read_limited
from coexplore.cost.accounting import PHYSICS, Accounting
from coexplore.cost.edp import least_edp_js
from coexplore.cost.fused import FusedCost, price_fused
from coexplore.cost.mapper import check_limit
from coexplore.cost.mapping import Mapping
from coexplore.cost.model import Goal, WorkloadCost, mappings_from_document, price
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.networks.network import NETWORK_PRESETS
from coexplore.reports.cost_tables import (
    area_table,
    energy_table,
    fused_table,
    gap_text,
    goal_text,
    op_table,
    total_table,
)
from coexplore.workloads.graph import Workload

MAPPING_LIMIT_BYTES = 64_000_000
GOALS = {goal.name.lower(): goal for goal in Goal}
DEFAULT_GOAL = Goal.EDP


@dataclass(frozen=True, slots=True)
class Request:
    """What to price. None: not given."""

    model: str
    accelerator: str | None = None
    goal: str | None = None
    mapping: Path | None = None
    input_shape: str | None = None
    plot: Path | None = None
    accounting: str | None = None
    sizes: tuple[str, ...] = ()
    pool: str | None = None
    throughput: float | None = None
    residency: str | None = None
    fuse: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class _Pair:
    """A workload, where it runs, and its mappings where they are given."""

    workload: Workload
    accelerator: Accelerator
    mappings: Table[str, Mapping] | None
    residency: Residency


def show_cost(request: Request, as_json: bool) -> int:
    """Price a model and print what it costs.

    Raises:
        CoexploreError: the model, the accelerator, the mapping or an option is not legal.
    """
    if request.plot is not None and request.plot.suffix not in (".html", ".htm"):
        raise ConfigError(f"--plot: is {str(request.plot)!r}; the page is HTML, give a name that ends in .html")
    if request.pool is not None:
        return _show_pool(request, request.pool, as_json)
    if request.throughput is not None:
        raise ConfigError("--throughput: is what a pool of FPGAs must reach; give --pool too, or leave it out")
    goal, accounting = _goal(request.goal), _accounting(request.accounting)
    pair = _bundle(request) if Path(request.model).is_dir() and request.model not in NETWORK_PRESETS else _pair(request)
    _check_limit(request, pair)
    announce_compilation()
    fused = _fused(pair, goal, accounting) if request.fuse else None
    if fused is not None:
        cost = fused.unfused
    else:
        cost = price(pair.workload, pair.accelerator, goal, pair.mappings, accounting, pair.residency, request.limit)
    if request.plot is not None:
        from coexplore.reports.cost_page import write_cost_page

        write_cost_page(request.plot, cost, pair.accelerator)
    if as_json:
        more = {} if fused is None else {"fused": fused.document()}
        found = {
            "limit": request.limit,
            "gap": cost.largest_gap,
            "edp_at_least_js": _least_edp(cost, pair, goal, accounting),
        }
        print_json({**_document(cost, pair, goal), **found, "accounting": accounting.name, **more})
    else:
        _print(cost, pair.accelerator, request.limit)
        if pair.mappings is None:
            print_line(goal_text(goal, cost.edp_js, _least_edp(cost, pair, goal, accounting)))
        if fused is not None and cost.feasible:
            print_tables(fused_table(fused))
    return DONE if cost.feasible else NOTHING_FEASIBLE


def _check_limit(request: Request, pair: _Pair) -> None:
    """Refuse a limit on a search that is none, or that cannot have one."""
    if request.limit is None:
        return
    check_limit("--limit", request.limit)
    if pair.mappings is not None:
        raise ConfigError("--limit: is for a search, and mappings are given; leave it or --mapping out")
    if request.fuse:
        raise ConfigError("--limit: is not for --fuse, which searches mappings of its own to the end; leave one out")


def _fused(pair: _Pair, goal: Goal, accounting: Accounting) -> FusedCost:
    if pair.mappings is not None or accounting is not PHYSICS:
        raise ConfigError("--fuse: searches mappings of its own, under physics; leave --mapping and --accounting out")
    return price_fused(pair.workload, pair.accelerator, goal, pair.residency)


def _show_pool(request: Request, pool: str, as_json: bool) -> int:
    given = {
        "--accelerator": request.accelerator,
        "--goal": request.goal,
        "--mapping": request.mapping,
        "--accounting": request.accounting,
        "--residency": request.residency,
        "--fuse": request.fuse or None,
        "--limit": request.limit,
    }
    for option, value in given.items():
        if value is not None:
            raise ConfigError(f"{option}: is not for a pool of FPGAs, whose engines are solved; leave it or --pool out")
    from coexplore.cli.pool import show_pool

    return show_pool(_workload(request), pool, request.throughput, request.plot, as_json)


def _least_edp(cost: WorkloadCost, pair: _Pair, goal: Goal, accounting: Accounting) -> float | None:
    """A bound of the workload's energy-delay product; None where mappings minimise something else, or are given."""
    is_minimised = goal is Goal.EDP and pair.mappings is None and accounting is PHYSICS
    return least_edp_js(cost) if is_minimised and cost.feasible else None


def _document(cost: WorkloadCost, pair: _Pair, goal: Goal) -> dict[str, object]:
    searched = pair.mappings is None
    return {
        **cost.document(),
        "goal": goal.name.lower() if searched else None,
        "mappings": "searched" if searched else "given",
        "area_by_component_mm2": pair.accelerator.area_by_component_mm2(),
        "peak_tops": pair.accelerator.peak_tops,
    }


def _print(cost: WorkloadCost, accelerator: Accelerator, limit: int | None) -> None:
    if cost.feasible:
        print_tables(op_table(cost), energy_table(cost), area_table(accelerator), total_table(cost))
    else:
        print_tables(op_table(cost), area_table(accelerator))
        print_line(f"infeasible: {cost.reason}")
    print_line(f"residency: {cost.residency.text}")
    if limit is not None:
        print_line(f"limit {limit}: {gap_text(cost)}")


def _goal(name: str | None) -> Goal:
    if name is None:
        return DEFAULT_GOAL
    if name not in GOALS:
        raise UnknownNameError("goal", name, GOALS)
    return GOALS[name]


def _accounting(name: str | None) -> Accounting:
    if name is None:
        return PHYSICS
    from coexplore.cost.presets import ACCOUNTINGS

    if name not in ACCOUNTINGS:
        raise UnknownNameError("accounting", name, ACCOUNTINGS)
    return ACCOUNTINGS[name]


def _residency(text: str | None) -> Residency:
    """What `--residency` says: `on-chip`, `main-memory`, or the two shares."""
    if text is None or text == "main-memory":
        return MAIN_MEMORY
    if text == "on-chip":
        return Residency()
    try:
        activations, weights = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(
            f"--residency: is {text!r}; give on-chip, main-memory, or shares of the memory for activations and "
            "weights, such as 0.25,0.5"
        ) from None
    return Residency(activations, weights)


def _pair(request: Request) -> _Pair:
    workload = _workload(request)
    if request.accelerator is None:
        raise ConfigError("--accelerator: is missing; give a name such as edge-array, or a YAML file")
    mappings = None if request.mapping is None else _mappings(request.mapping)
    return _Pair(workload, _accelerator(request.accelerator), mappings, _residency(request.residency))


def _bundle(request: Request) -> _Pair:
    from coexplore.reports.bundle import read_bundle

    given = {
        "--accelerator": request.accelerator,
        "--goal": request.goal,
        "--mapping": request.mapping,
        "--input-shape": request.input_shape,
        "--size": request.sizes or None,
        "--residency": request.residency,
        "--limit": request.limit,
    }
    for option, value in given.items():
        if value is not None:
            raise ConfigError(f"{option}: a bundle has its own; leave it out, or give the bundle's model.onnx instead")
    bundle = read_bundle(Path(request.model))
    return _Pair(bundle.workload, bundle.accelerator, bundle.mappings, bundle.residency)


def _workload(request: Request) -> Workload:
    name = request.model
    if request.sizes and Path(name).suffix != ".onnx":
        raise ConfigError("--size: is for open sizes of an ONNX file; leave it out")
    if name in NETWORK_PRESETS:
        return _preset(name, request.input_shape)
    if Path(name).suffix == ".onnx":
        if request.input_shape is not None:
            raise ConfigError("--input-shape: an ONNX file has its own; leave it out")
        from coexplore.workloads.onnx_import import read_onnx

        return read_onnx(Path(name), sizes=dict(map(_size, request.sizes)))
    raise UnknownNameError("model (a preset, an .onnx file or the folder of a bundle)", name, NETWORK_PRESETS)


def _preset(name: str, input_shape: str | None) -> Workload:
    preset = NETWORK_PRESETS.get(name)
    if input_shape is None:
        return preset()
    if "input_shape" not in inspect.signature(preset).parameters:
        raise ConfigError(f"--input-shape: {name} has a fixed input; leave it out")
    return preset(input_shape=_shape(input_shape))


def _size(text: str) -> tuple[str, int]:
    name, _, value = text.rpartition("=")
    if not name or not value.isdecimal():
        raise ConfigError(f"--size: is {text!r}; give NAME=NUMBER, such as sequence=128")
    return name, int(value)


def _shape(text: str) -> tuple[int, int, int]:
    parts = text.replace("x", ",").split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
        raise ConfigError(f"--input-shape: is {text!r}; give channels, height and width, such as 3,224,224")
    channels, height, width = (int(part) for part in parts)
    return channels, height, width


def _accelerator(name: str) -> Accelerator:
    if Path(name).suffix not in (".yaml", ".yml"):
        return find_accelerator(name)
    from coexplore.accelerators.description import read_accelerator

    return read_accelerator(Path(name))


def _mappings(path: Path) -> dict[str, Mapping]:
    text = read_limited(path, MAPPING_LIMIT_BYTES, "mapping file")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MappingError(f"{path} is not JSON: {error}") from error
    return mappings_from_document(_mapped_ops(document))


def _mapped_ops(document: object) -> object:
    """The mappings by op in what `--json` prints; another document as it is."""
    if not isinstance(document, dict) or not isinstance(document.get("ops"), list) or "workload" not in document:
        return document
    ops = [op for op in document["ops"] if isinstance(op, dict)]
    return {op["name"]: op["mapping"] for op in ops if "name" in op and op.get("mapping") is not None}

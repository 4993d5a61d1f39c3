"""A price is kept under all that it depends on."""

from __future__ import annotations

import ast
import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from coexplore.accelerators.accelerator import Dim, Operand
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost import grid_key
from coexplore.cost.grid_key import accelerator_keys, engine_sources, engine_version, op_key
from coexplore.cost.mapper import Goal
from coexplore.workloads.loops import Bits, Loops

BASELINE = EdgeArray().decode(EdgeArray().presets["baseline"])
LOOPS = Loops(K=8, C=4)


@pytest.fixture(autouse=True)
def _known_engine(monkeypatch):
    monkeypatch.setattr(grid_key, "engine_version", lambda: "0" * 64)


def changed(value):
    """Another legal value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, tuple) and value and isinstance(value[0], Operand | Dim | tuple):
        return value[:-1]
    return 7


def variants(value):
    """The value with one field changed, anywhere within: (path, value)."""
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        if isinstance(inner, tuple) and inner and dataclasses.is_dataclass(inner[0]):
            for number, part in enumerate(inner):
                for path, other in variants(part):
                    rest = (*inner[:number], other, *inner[number + 1 :])
                    yield f"{field.name}[{number}].{path}", _replaced(value, field.name, rest)
        elif dataclasses.is_dataclass(inner):
            for path, other in variants(inner):
                yield f"{field.name}.{path}", _replaced(value, field.name, other)
        else:
            yield field.name, _replaced(value, field.name, changed(inner))


def _replaced(value, name, inner):
    """Also where the result is not legal: it is only hashed."""
    other = object.__new__(type(value))
    for field in dataclasses.fields(value):
        object.__setattr__(other, field.name, inner if field.name == name else getattr(value, field.name))
    return other


def test_every_field_of_a_description_but_its_name_is_in_its_hash():
    every = dict(variants(BASELINE))
    name = every.pop("name")
    assert len(every) > 60
    keys = accelerator_keys([BASELINE, name, *every.values()])
    assert np.array_equal(keys[0], keys[1])
    assert len({key.tobytes() for key in keys[1:]}) == len(every) + 1


def test_hashes_are_the_same_in_another_process():
    program = (
        "from coexplore import find_accelerator; from coexplore.cost.grid_key import accelerator_keys;"
        "print(accelerator_keys([find_accelerator('edge-array')]).tobytes().hex())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == accelerator_keys([BASELINE]).tobytes().hex()


def test_numbers_of_other_types_are_hashed_by_value():
    memory = dataclasses.replace(BASELINE.levels[1], read_j_per_bit=np.float64(BASELINE.levels[1].read_j_per_bit))
    other = dataclasses.replace(memory, read_j_per_bit=np.float64(1.0))
    keys = accelerator_keys(
        [
            dataclasses.replace(BASELINE, levels=(BASELINE.levels[0], level, *BASELINE.levels[2:]))
            for level in (memory, other)
        ]
    )
    assert not np.array_equal(keys[0], keys[1])


def test_goals_ops_mapspaces_and_engines_have_their_own_files(monkeypatch):
    ops = [LOOPS, *(other for _, other in variants(LOOPS)), Loops(K=4, C=8), Loops(K=8, C=4, bits=Bits(weight=4))]
    keys = {op_key(loops, goal) for loops in dict.fromkeys(ops) for goal in Goal}
    monkeypatch.setattr(grid_key, "UNROLLINGS", 7)
    keys.add(op_key(LOOPS, Goal.EDP))
    monkeypatch.setattr(grid_key, "engine_version", lambda: "1" * 64)
    keys.add(op_key(LOOPS, Goal.EDP))
    assert len(keys) == 3 * len(dict.fromkeys(ops)) + 2


def imported(path: Path, root: Path) -> set[Path]:
    """The slow twin: what a file imports of the package, by Python's own parser."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    parts = [name.split(".")[1:] for name in names if name.startswith("coexplore.")]
    places = [root.joinpath(*part) for part in parts]
    return {file for place in places for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()}


def test_the_engine_is_all_that_the_pricing_module_imports():
    sources = set(engine_sources())
    names = {path.name for path in sources}
    assert {
        "grid_chunk.py",
        "mapper.py",
        "_solve.py",
        "_kernels.py",
        "replay.py",
        "accelerator.py",
        "loops.py",
    } <= names
    for path in sources:
        assert imported(path, grid_key.ROOT) <= sources, path


def test_the_cache_itself_is_not_part_of_the_engine():
    assert not {"grid.py", "grid_cache.py", "grid_rows.py", "totals.py"} & {path.name for path in engine_sources()}


@pytest.fixture
def small_engine(tmp_path, monkeypatch):
    """A package of four files, one of which the engine does not import."""
    root = tmp_path / "coexplore"
    (root / "cost").mkdir(parents=True)
    (root / "cost" / "__init__.py").write_text("")
    (root / "cost" / "chunk.py").write_text("from coexplore.cost import (\n    kernel,\n)\n")
    (root / "cost" / "kernel.py").write_text("    from coexplore.deep import value\n")
    (root / "deep.py").write_text("value = 1")
    (root / "other.py").write_text("value = 1")
    paths = engine_sources("coexplore.cost.chunk", root)
    monkeypatch.setattr(grid_key, "ROOT", root)
    monkeypatch.setattr(grid_key, "engine_sources", lambda: paths)
    monkeypatch.setattr(grid_key, "IMPORTED_S", time.time() + 100)
    return root


def test_the_version_changes_with_every_source_of_the_engine_and_no_other(small_engine):
    version = engine_version.__wrapped__
    before = version()
    (small_engine / "other.py").write_text("value = 2")
    assert version() == before
    for name in ("deep.py", "cost/chunk.py", "cost/kernel.py"):
        (small_engine / name).write_text((small_engine / name).read_text() + "\n# changed\n")
        assert version() != before
        before = version()


def test_sources_that_changed_since_they_were_imported_have_no_version(small_engine, monkeypatch):
    monkeypatch.setattr(grid_key, "IMPORTED_S", time.time() - 100)
    assert engine_version.__wrapped__() is None
    monkeypatch.setattr(grid_key, "engine_version", engine_version.__wrapped__)
    assert op_key(LOOPS, Goal.EDP) is None


def test_without_sources_there_is_no_version(tmp_path, monkeypatch):
    assert engine_sources(root=tmp_path) == ()
    monkeypatch.setattr(grid_key, "engine_sources", lambda: ())
    assert engine_version.__wrapped__() is None

"""Kernels that do not count references: they must not hand out arrays, and nothing may leak; pools that drop losers."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import numba
import numpy as np
import pytest

from coexplore.cost import _compile
from coexplore.cost._goal import Best
from coexplore.cost._pool import Pool, with_room

NUMBERS = (type(None), bool, int, float, np.int64)
DECORATORS = {"kernel", "maker", "inner", "inlined"}


def compiled(module: str) -> dict[str, tuple[str, ast.FunctionDef]]:
    """The compiled functions of a module of the package: how, and their source."""
    found = {}
    for node in ast.parse((_compile.HERE / f"{module}.py").read_text()).body:
        if isinstance(node, ast.FunctionDef):
            kinds = {each.id for each in node.decorator_list if isinstance(each, ast.Name)} & DECORATORS
            if kinds:
                found[node.name] = (kinds.pop(), node)
    return found


MODULES = {path.stem: compiled(path.stem) for path in sorted(Path(_compile.HERE).glob("*.py"))}


def of_numbers(kind: type) -> bool:
    """Whether a type is a number, nothing, or a tuple of numbers."""
    fields = getattr(kind, "__annotations__", {})
    parts = get_type_hints(kind).values() if fields else get_args(kind) if get_origin(kind) is tuple else ()
    return kind in NUMBERS or (len(parts) > 0 and all(of_numbers(each) for each in parts))


def gives_arrays(module: str, name: str) -> bool:
    function = getattr(importlib.import_module(f"coexplore.cost.{module}"), name).py_func
    return not of_numbers(get_type_hints(function)["return"])


def imported(module: str) -> dict[str, tuple[str, str]]:
    """Compiled functions that a module can call, module and name, by the names it has for them."""
    found = {name: (module, name) for name in MODULES[module]}
    for node in ast.parse((_compile.HERE / f"{module}.py").read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("coexplore.cost."):
            other = (node.module or "").rpartition(".")[2]
            names = [each for each in node.names if each.name in MODULES.get(other, {})]
            found |= {each.asname or each.name: (other, each.name) for each in names}
    return found


@pytest.mark.parametrize("module", sorted(name for name, functions in MODULES.items() if functions))
def test_what_counts_no_references_neither_gives_nor_takes_new_arrays(module: str):
    known = imported(module)
    for name, (kind, node) in MODULES[module].items():
        if kind not in ("inner", "inlined"):
            continue
        assert not gives_arrays(module, name), name
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and each.id in known:
                assert not gives_arrays(*known[each.id]), (name, each.id)


COUNT_LEAKS = """
from numba.core.runtime import rtsys

from coexplore import Loops, best_mapping, find_accelerator

ops = [Loops(K=16, C=16, P=8, Q=8, R=3, S=3), Loops(G=16, P=8, Q=8, R=3, S=3, stride=(2, 2)), Loops(K=5, C=7, P=3)]
left = []
for _ in range(4):
    best_mapping.cache_clear()
    for op in ops:
        for name in ("edge-array", "simba-like"):
            best_mapping(op, find_accelerator(name))
    stats = rtsys.get_allocation_stats()
    left.append(stats.alloc - stats.free)
assert stats.alloc > 100, stats
print(len(set(left[1:])))
"""


def test_a_search_gives_back_what_it_allocated():
    # Statistics are switched on by an environment variable that is read at the start.
    environment = {**os.environ, "NUMBA_NRT_STATS": "1"}
    done = subprocess.run([sys.executable, "-c", COUNT_LEAKS], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr


@numba.njit
def make_room(end: int, best: Best, pool: Pool) -> int:
    """`with_room`, for Python."""
    return with_room(end, best, pool)


@pytest.mark.parametrize("seed", range(20))
def test_a_full_pool_keeps_what_is_the_best_somewhere(seed: int):
    rng = np.random.default_rng(seed)
    count, room = int(rng.integers(1, 8)), 20
    pool = Pool(*(rng.integers(0, 1000, (room, *shape)) for shape in ((30,), (3, 8), (3,), (), ())))
    mapping = rng.integers(-2, room, count)
    best = Best(np.zeros(count), np.zeros(count), mapping, np.zeros((2, count)), np.zeros(count, np.bool_))
    assert make_room(room - 1, best, pool) == room - 1
    kept = [[column[m].copy() for column in pool[:4]] for m in mapping if m >= 0]
    before = mapping.copy()
    end = make_room(room, best, pool)
    assert end == len({m for m in before if m >= 0})
    assert np.array_equal(mapping < 0, before < 0)
    assert np.array_equal(mapping[mapping < 0], before[before < 0])
    for m, columns in zip(mapping[mapping >= 0], kept, strict=True):
        assert m < end
        assert all(np.array_equal(column[m], old) for column, old in zip(pool[:4], columns, strict=True))

"""Filling the tables: what is priced when, in how much memory, and who is told. Prices are made up."""

from __future__ import annotations

import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import ConfigError
from coexplore.cost import grid_key, grid_rows
from coexplore.cost.grid import MEMORY_MB, price_grid, price_in_chunks
from coexplore.cost.grid_cache import GridCache
from coexplore.cost.mapper import Goal
from coexplore.workloads.loops import Loops

BASELINE = EdgeArray().decode(EdgeArray().presets["baseline"])
NOWHERE = GridCache(None)
OPS = [Loops(K=k) for k in (3, 5, 7, 3, 9)]
CACHE_MB = GridCache(Path()).memory_bytes / 2**20


def machines(count, shapes=3):
    """Accelerators of some shapes, in turns."""
    mac = [replace(BASELINE.mac, energy_j=(1 + s) * 1e-12) for s in range(shapes)]
    return [replace(BASELINE, mac=mac[i % shapes], clock_hz=1e9 + i) for i in range(count)]


def made_up(loops, accelerator, goal):
    if loops.K == 7 and accelerator.clock_hz == 1e9 + 2:
        return np.inf, np.inf
    return loops.K / accelerator.clock_hz, (1 + list(Goal).index(goal)) * accelerator.mac.energy_j / loops.K


@pytest.fixture
def calls(monkeypatch):
    """Instead of the engine: costs made up, and what was asked for."""
    asked = []

    def price_chunk(ops, accelerators, goal, threads):
        asked.append((list(ops), list(accelerators)))
        cells = np.array([[made_up(loops, accelerator, goal) for accelerator in accelerators] for loops in ops])
        return cells[..., 0], cells[..., 1]

    monkeypatch.setattr(grid_rows, "lay_out_chunk", lambda accelerators: accelerators)
    monkeypatch.setattr(grid_rows, "price_chunk", price_chunk)
    monkeypatch.setattr(grid_key, "engine_version", lambda: "0" * 64)
    return asked


def pairs(calls):
    return sum(len(ops) * len(accelerators) for ops, accelerators in calls)


def is_right(grid, goal=Goal.EDP):
    cells = np.array([[made_up(loops, a, goal) for a in grid.accelerators] for loops in grid.ops])
    return np.array_equal(grid.latency_s, cells[..., 0]) and np.array_equal(grid.energy_j, cells[..., 1])


@pytest.mark.parametrize("threads", [1, 2, 9])
@pytest.mark.parametrize("spare_bytes", [5_000, 20_000, 10**9])
def test_every_pair_is_priced_once_whatever_the_chunks(calls, threads, spare_bytes):
    tables = 10 * (len(OPS) * 16 + 32)
    grid = price_grid(OPS, machines(10), threads=threads, memory_mb=(tables + spare_bytes) / 2**20, cache=NOWHERE)
    assert is_right(grid)
    assert pairs(calls) == 4 * 10, "equal ops once"
    for ops, accelerators in calls:
        assert grid_rows.chunk_bytes(len(ops), len(accelerators)) <= max(spare_bytes, 0)


def test_pieces_of_a_row_hold_accelerators_of_one_shape_together(calls):
    each = grid_rows.chunk_bytes(1, 1)
    tables = 12 * (len(OPS) * 16 + 32)
    price_grid(OPS, machines(12), memory_mb=(tables + 4 * each) / 2**20, cache=NOWHERE)
    assert {len({a.mac for a in accelerators}) for _, accelerators in calls} == {1}


def test_only_what_is_not_known_is_priced(calls, tmp_path):
    cache = GridCache(tmp_path, least_s=0)
    some = machines(10)
    assert is_right(price_grid(OPS[:2], some[:6], cache=cache))
    calls.clear()
    assert is_right(price_grid(OPS, some[::-1], threads=3, cache=cache))
    assert pairs(calls) == 2 * 4 + 2 * 10
    calls.clear()
    renamed = [replace(accelerator, name="other") for accelerator in some]
    assert is_right(price_grid(OPS, renamed, cache=cache))
    assert not calls
    assert is_right(price_grid(OPS, some, Goal.ENERGY, cache=cache), Goal.ENERGY)
    assert pairs(calls) == 40


def test_another_engine_finds_nothing(calls, tmp_path, monkeypatch):
    cache = GridCache(tmp_path, least_s=0)
    price_grid(OPS, machines(3), cache=cache)
    for version, expected in (("1" * 64, 12), (None, 12), ("0" * 64, 0)):
        calls.clear()
        monkeypatch.setattr(grid_key, "engine_version", lambda version=version: version)
        assert is_right(price_grid(OPS, machines(3), cache=cache))
        assert pairs(calls) == expected


def test_a_wrong_price_would_be_noticed(calls, tmp_path):
    """The tests above can fail: a cache that answers is believed."""
    cache = GridCache(tmp_path, least_s=0)
    key = grid_key.op_key(OPS[0], Goal.EDP)
    cache.keep(key, grid_key.accelerator_keys(machines(1)), np.array([1.0]), np.array([2.0]))
    assert not is_right(price_grid(OPS, machines(3), cache=cache))


def test_what_was_priced_before_an_interruption_is_kept(calls, tmp_path):
    cache = GridCache(tmp_path, least_s=0)

    def interrupt(done, total):
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        price_grid(OPS, machines(4), cache=cache, progress=interrupt)
    calls.clear()
    assert is_right(price_grid(OPS, machines(4), cache=cache))
    assert pairs(calls) <= 3 * 4


def test_the_cache_is_trimmed_after_a_grid(calls, tmp_path):
    price_grid(OPS, machines(4), cache=GridCache(tmp_path, limit_mb=0, least_s=0))
    assert len(calls) == 4
    assert not any(tmp_path.iterdir())


def test_what_is_quick_to_price_is_not_kept(calls, tmp_path):
    cache = GridCache(tmp_path, least_s=1000.0)
    price_grid(OPS, machines(4), cache=cache)
    assert not any(tmp_path.iterdir())


def test_a_cache_that_cannot_be_written_costs_a_warning_and_nothing_else(calls, tmp_path):
    (tmp_path / "file").write_text("")
    cache = GridCache(tmp_path / "file" / "prices", least_s=0)
    with pytest.warns(UserWarning, match="not kept for the next time") as caught:
        assert is_right(price_grid(OPS, machines(4), cache=cache))
    assert len(caught) == 1


def test_the_cache_of_the_user_is_the_default(calls, tmp_path, monkeypatch):
    monkeypatch.setenv("COEXPLORE_CACHE", str(tmp_path))
    monkeypatch.setattr(GridCache.standard.__func__, "__defaults__", None)
    price_grid(OPS, machines(4), cache=replace(GridCache.standard(), least_s=0))
    calls.clear()
    assert is_right(price_grid(OPS, machines(4)))
    assert not calls
    monkeypatch.setenv("COEXPLORE_CACHE", "off")
    price_grid(OPS, machines(4))
    assert pairs(calls) == 16


def test_progress_rises_to_the_number_of_pairs(calls, tmp_path):
    for cache in (NOWHERE, GridCache(tmp_path, least_s=0), GridCache(tmp_path)):
        seen = []
        price_grid(OPS, machines(6), threads=2, cache=cache, progress=lambda *pairs, seen=seen: seen.append(pairs))
        done, totals = zip(*seen, strict=True)
        assert list(done) == sorted(set(done))
        assert done[-1] == 30
        assert set(totals) == {30}


@pytest.mark.parametrize(("ops", "count"), [([], 3), (OPS, 0), ([], 0)])
def test_an_empty_grid_is_a_grid(calls, ops, count):
    grid = price_grid(ops, machines(count), cache=NOWHERE)
    assert grid.latency_s.shape == (len(ops), count)
    assert grid.totals(np.ones((2, len(ops)), np.int64))[0].shape == (2, count)
    assert [len(chunk.accelerators) for chunk in price_in_chunks(ops, machines(count))] == [count] * (count > 0)


def test_pieces_side_by_side_are_the_grid_and_take_no_more_than_they_need(calls):
    taken = []

    def accelerators():
        for accelerator in machines(50):
            taken.append(accelerator)
            yield accelerator

    chunks = price_in_chunks(OPS, accelerators(), memory_mb=0.2, cache=NOWHERE)
    first = next(chunks)
    assert 1 < len(first.accelerators) == len(taken) < 25
    every = [first, *chunks]
    assert all(is_right(chunk) for chunk in every)
    assert [a for chunk in every for a in chunk.accelerators] == machines(50)


def test_totals_block_by_block_are_the_totals(calls):
    grid = price_grid(OPS, machines(5), cache=NOWHERE)
    counts = np.random.default_rng(0).integers(0, 5, (11, len(OPS)))
    latency, energy = grid.totals(counts)
    for rows, some_latency, some_energy in grid.totals_by_block(counts, 4):
        assert np.array_equal(latency[rows], some_latency)
        assert np.array_equal(energy[rows], some_energy)
    assert rows == slice(8, 11)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threads": 0}, "threads: is 0"),
        ({"memory_mb": 0.001}, "tables of 5 ops x 9 accelerators .* need 1; raise it, or .* price_in_chunks"),
        ({"memory_mb": 60, "cache": GridCache(Path())}, "need 65"),
        ({"memory_mb": -1.0}, "memory_mb: is -1"),
    ],
)
def test_what_cannot_be_priced_says_why(calls, options, words):
    with pytest.raises(ConfigError, match=words):
        price_grid(OPS, machines(9), **{"cache": NOWHERE, **options})


@pytest.mark.parametrize(
    ("options", "words"), [({"threads": 0}, "threads"), ({"memory_mb": 0}, "one accelerator .* 1;")]
)
def test_pieces_that_do_not_fit_are_refused_at_once(calls, options, words):
    with pytest.raises(ConfigError, match=words):
        price_in_chunks(OPS, machines(9), cache=NOWHERE, **options)
    assert not calls


@pytest.mark.slow
def test_tables_stay_within_the_stated_memory(monkeypatch, tmp_path):
    def price_chunk(ops, accelerators, goal, threads):
        return tuple(np.ones((len(ops), len(accelerators))) for _ in range(2))

    monkeypatch.setattr(grid_rows, "lay_out_chunk", lambda accelerators: accelerators)
    monkeypatch.setattr(grid_rows, "price_chunk", price_chunk)
    monkeypatch.setattr(grid_key, "engine_version", lambda: "0" * 64)
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    accelerators = machines(3_000, 1)
    ops = [Loops(K=k) for k in range(1, 101)]
    cache = GridCache(tmp_path, least_s=0)
    tracemalloc.start()
    for most_mb in (CACHE_MB + 6, MEMORY_MB):
        tracemalloc.reset_peak()
        grid = price_grid(ops, accelerators, memory_mb=most_mb, cache=cache)
        assert tracemalloc.get_traced_memory()[1] < most_mb * 2**20
    tracemalloc.stop()
    assert grid.latency_s.nbytes + grid.energy_j.nbytes > 4.5 * 2**20


def test_ops_share_what_is_laid_out(monkeypatch):
    laid_out = []
    lay_out_chunk = grid_rows.lay_out_chunk
    monkeypatch.setattr(grid_rows, "lay_out_chunk", lambda some: laid_out.append(len(some)) or lay_out_chunk(some))
    accelerators = [find_accelerator("edge-array"), find_accelerator("gemmini-16")]
    ops = [Loops(K=width) for width in (2, 3, 4)]
    grid = price_grid(ops, accelerators, cache=GridCache(None))
    assert laid_out == [2]
    one_by_one = [price_grid([op], accelerators, cache=GridCache(None)).latency_s[0] for op in ops]
    assert np.array_equal(grid.latency_s, one_by_one)

"""Whatever happened to the files of prices: a grid is right, nothing else is lost, and the next one finds it again."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.core.errors import ConfigError
from coexplore.cost import grid_key, grid_rows
from coexplore.cost.grid import price_grid, price_in_chunks
from coexplore.cost.grid_cache import HEADER_BYTES, MAGIC, GridCache
from coexplore.workloads.op import Loops

FAMILY = EdgeArray()
SOME = [FAMILY.decode(point) for point in FAMILY.space.sample(np.random.default_rng(5), 4)]
OPS = [Loops(K=16, C=8, P=7, Q=7), Loops(G=12, P=7, Q=7, R=3, S=3)]
VERSION = "0" * 64
"""Of the engine; that of a tree in which somebody works is not known."""

DAMAGES = {
    "half-written": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "header alone": lambda content: content[:HEADER_BYTES],
    "another format": lambda content: content.replace(MAGIC, b"coexplore prizes", 1),
    "a price changed": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "more at the end": lambda content: content + content[HEADER_BYTES:],
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GridCache:
    monkeypatch.setattr(grid_key, "engine_version", lambda: VERSION)
    return GridCache(tmp_path / "prices", least_s=0.0)


def prices(cache: GridCache):
    grid = price_grid(OPS, SOME, cache=cache)
    return grid.latency_s.tolist(), grid.energy_j.tolist()


def no_pricing(*_: object) -> None:
    raise AssertionError("priced again")


@pytest.mark.parametrize("harm", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_priced_again_and_replaced(cache, harm, monkeypatch):
    first = prices(cache)
    damaged, whole = sorted(cache.folder.iterdir())
    content = damaged.read_bytes()
    damaged.write_bytes(harm(content))
    kept = whole.read_bytes()
    assert prices(cache) == first
    assert damaged.read_bytes() == content
    assert whole.read_bytes() == kept
    monkeypatch.setattr(grid_rows, "price_chunk", no_pricing)
    assert prices(cache) == first


def test_prices_of_another_version_are_neither_taken_nor_lost(cache, monkeypatch):
    first = prices(cache)
    old = {path.name: path.read_bytes() for path in cache.folder.iterdir()}
    monkeypatch.setattr(grid_key, "engine_version", lambda: "1" * 64)
    asked = []
    price_chunk = grid_rows.price_chunk
    monkeypatch.setattr(grid_rows, "price_chunk", lambda *job: asked.append(len(job[0])) or price_chunk(*job))
    assert prices(cache) == first
    assert sum(asked) == len(OPS)
    now = {path.name: path.read_bytes() for path in cache.folder.iterdir()}
    assert {name: now[name] for name in old} == old
    assert len(now) == 2 * len(old)


def test_a_grid_larger_than_memory_says_what_it_needs_and_where_it_goes_piece_by_piece(cache):
    whole = price_grid(OPS, SOME, cache=GridCache(None))
    with pytest.raises(ConfigError, match=r"^memory_mb: is 0\.0005, but the tables of 2 ops x 4 .* price_in_chunks$"):
        price_grid(OPS, SOME, memory_mb=0.0005, cache=GridCache(None))
    with pytest.raises(ConfigError, match=r"^memory_mb: is 0\.0005, but one accelerator with 2 ops .* raise it$"):
        next(price_in_chunks(OPS, SOME, memory_mb=0.0005, cache=GridCache(None)))
    for memory_mb in (math.nan, math.inf):
        with pytest.raises(ConfigError, match=r"^memory_mb: is (nan|inf); give a number of megabytes$"):
            price_grid(OPS, SOME, memory_mb=memory_mb, cache=GridCache(None))
        with pytest.raises(ConfigError, match=r"^memory_mb: "):
            next(price_in_chunks(OPS, SOME, memory_mb=memory_mb, cache=GridCache(None)))
    pieces = list(price_in_chunks(OPS, SOME, memory_mb=0.02, cache=GridCache(None)))
    assert len(pieces) > 1
    assert np.array_equal(np.concatenate([piece.latency_s for piece in pieces], axis=1), whole.latency_s)
    assert np.array_equal(np.concatenate([piece.energy_j for piece in pieces], axis=1), whole.energy_j)

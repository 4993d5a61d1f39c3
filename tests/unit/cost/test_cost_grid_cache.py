"""Prices survive a process to the last bit; what is not wholly right on disk is not there."""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coexplore.core.errors import StoreError
from coexplore.cost import grid_cache
from coexplore.cost.grid_cache import FILE_BYTES, HEADER_BYTES, RECORD, SUFFIX, GridCache

KEY, OTHER = "ab" * 32, "cd" * 32
ON_ONE_FOLDER = settings(suppress_health_check=list(HealthCheck))


def keys(count, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, (count, 2), np.uint64)


def prices(count, seed=0):
    rng = np.random.default_rng(seed)
    latency, energy = rng.random(count), rng.random(count)
    latency[::5] = energy[::5] = np.inf
    return latency, energy


@pytest.fixture
def cache(tmp_path):
    return GridCache(tmp_path / "prices")


def the_file(cache):
    (path,) = cache.folder.iterdir()
    return path


def known(cache, key=KEY, accelerators=None):
    return cache.find(key, keys(20) if accelerators is None else accelerators)[2]


def test_prices_come_back_bit_by_bit_in_any_order_and_for_any_part(cache):
    latency, energy = prices(20)
    cache.keep(KEY, keys(20), latency, energy)
    order = np.random.default_rng(1).permutation(20)[:13]
    found = cache.find(KEY, keys(20)[order])
    assert np.array_equal(found[0], latency[order])
    assert np.array_equal(found[1], energy[order])
    assert found[2].all()
    assert not known(cache, OTHER).any()
    assert not known(cache, accelerators=keys(20, seed=9)).any()


def test_what_is_added_joins_what_is_there(cache):
    latency, energy = prices(20)
    for some in (slice(0, 7), slice(5, 12)):
        cache.keep(KEY, keys(20)[some], latency[some], energy[some])
    found = cache.find(KEY, keys(20))
    assert np.array_equal(found[2], np.arange(20) < 12)
    assert np.array_equal(found[0][:12], latency[:12])
    assert np.all(np.isinf(found[0][12:]))


def test_half_a_hash_is_no_match(cache):
    twins = keys(2)
    twins[1, 0] = twins[0, 0]
    cache.keep(KEY, twins[:1], *prices(1))
    assert known(cache, accelerators=twins).tolist() == [True, False]
    cache.keep(KEY, twins[1:], *prices(1))
    assert known(cache, accelerators=twins).sum() == 1


@pytest.mark.parametrize("key", [KEY, None])
def test_no_folder_and_no_key_keep_nothing(tmp_path, key):
    for cache in (GridCache(None), GridCache(tmp_path)):
        if cache.folder is None or key is None:
            cache.keep(key, keys(20), *prices(20))
            cache.trim()
            assert not known(cache, key).any()
    assert not any(tmp_path.iterdir())


@ON_ONE_FOLDER
@given(st.data())
def test_a_file_with_one_bit_changed_or_a_part_missing_is_none(tmp_path_factory, data):
    cache = GridCache(tmp_path_factory.mktemp("prices"))
    cache.keep(KEY, keys(4), *prices(4))
    content = bytearray(the_file(cache).read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        bit = data.draw(st.integers(0, 8 * len(content) - 1))
        content[bit // 8] ^= 1 << bit % 8
    the_file(cache).write_bytes(content)
    assert not known(cache, accelerators=keys(4)).any()
    cache.keep(KEY, keys(4), *prices(4))
    assert known(cache, accelerators=keys(4)).all()


@ON_ONE_FOLDER
@given(st.binary(max_size=4 * RECORD.itemsize))
def test_whatever_a_file_holds_reading_it_neither_fails_nor_finds(tmp_path_factory, content):
    cache = GridCache(tmp_path_factory.mktemp("prices"))
    cache.keep(KEY, keys(4), *prices(4))
    path = the_file(cache)
    original = path.read_bytes()
    for file in (content, original[:HEADER_BYTES] + content, original + content[:1] + b"x"):
        path.write_bytes(file)
        assert file == original or not known(cache, accelerators=keys(4)).any()


def test_a_file_under_the_name_of_another_is_none(cache):
    cache.keep(KEY, keys(20), *prices(20))
    os.rename(the_file(cache), cache.folder / f"{OTHER}{SUFFIX}")
    assert not known(cache, OTHER).any()


def test_an_unsorted_file_hides_prices_but_never_mixes_them_up(cache):
    latency, energy = prices(20)
    records = np.empty(20, RECORD)
    records["key"], records["latency_s"], records["energy_j"] = keys(20), latency, energy
    content = records.tobytes()
    cache.folder.mkdir()
    (cache.folder / f"{KEY}{SUFFIX}").write_bytes(grid_cache._header(KEY, content) + content)
    found = cache.find(KEY, keys(20))
    assert np.array_equal(found[0][found[2]], latency[found[2]])


def test_what_is_no_file_or_too_large_is_none(cache):
    path = cache.folder / f"{KEY}{SUFFIX}"
    path.mkdir(parents=True)
    assert not known(cache).any()
    path.rmdir()
    os.mkfifo(path)
    assert not known(cache).any()
    path.unlink()
    with path.open("wb") as file:
        file.truncate(FILE_BYTES + 1)
    assert not known(cache).any()


def test_a_file_holds_so_many_accelerators_and_the_latest_stay(cache, monkeypatch):
    monkeypatch.setattr(grid_cache, "MOST_RECORDS", 12)
    for some in (slice(0, 10), slice(10, 20)):
        cache.keep(KEY, keys(20)[some], *prices(10))
    assert known(cache).sum() == 12
    assert known(cache)[10:].all()


def test_the_least_recently_used_files_go_first(cache):
    names = [f"{number:02x}" * 32 for number in range(4)]
    small = replace(cache, limit_mb=3.5 * (HEADER_BYTES + 20 * RECORD.itemsize) / 2**20)
    for age, name in enumerate(names[:3]):
        small.keep(name, keys(20), *prices(20))
        then = time.time() - 1000 + age
        os.utime(small.folder / f"{name}{SUFFIX}", (then, then))
    assert known(small, names[0]).all(), "a look makes it the youngest"
    small.keep(names[3], keys(20), *prices(20))
    small.trim()
    assert [bool(known(small, name).all()) for name in names] == [True, False, True, True]


def test_abandoned_files_are_removed_and_those_being_written_are_not(cache):
    cache.keep(KEY, keys(20), *prices(20))
    old, new = (cache.folder / f".{KEY}{SUFFIX}.{name}" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    then = time.time() - 2 * grid_cache.ABANDONED_S
    os.utime(old, (then, then))
    stranger = cache.folder / "notes.txt"
    stranger.write_text("mine")
    os.utime(stranger, (then, then))
    replace(cache, limit_mb=0).trim()
    assert {path.name for path in cache.folder.iterdir()} == {new.name, stranger.name}


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose a writable folder"):
        GridCache(tmp_path / "file" / "prices").keep(KEY, keys(1), *prices(1))


def _keep_some(folder, part):
    latency, energy = prices(400)
    cache = GridCache(folder)
    for begin in range(part, 400, 20):
        some = slice(begin, begin + 10)
        cache.keep(KEY, keys(400)[some], latency[some], energy[some])
        found = cache.find(KEY, keys(400))
        assert np.array_equal(found[0][found[2]], latency[found[2]])


def test_several_processes_write_one_file_without_harm(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_keep_some, args=(tmp_path, part)) for part in (0, 10, 5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    energy = prices(400)[1]
    found = GridCache(tmp_path).find(KEY, keys(400))
    assert found[2].sum() >= 10, "what was written last"
    assert np.array_equal(found[1][found[2]], energy[found[2]])

"""Counts of ops that come from a file are those of networks counted one by one; a file that is not right is none."""

from __future__ import annotations

import numpy as np
import pytest

from coexplore.core.array_file import ArrayFormat
from coexplore.cost import network_counts
from coexplore.cost.network_counts import FILE, count_networks
from coexplore.cost.network_table import count_ops
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.networks.nb201 import Nb201

CELLS = Nb201(input_shape=(3, 8, 8), cells=1)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COEXPLORE_CACHE", str(tmp_path))
    monkeypatch.setattr(network_counts, "version_of", lambda modules: "0" * 64)
    return tmp_path / "counts"


def some_points(step=40):
    return list(CELLS.space.enumerate())[::step]


def same(one, other):
    return (one.loops, one.vector) == (other.loops, other.vector) and np.array_equal(one.counts, other.counts)


@pytest.mark.parametrize("family", [CELLS, Nb201(input_shape=(3, 16, 16), cells=2), AccelNasBench(resolution=32)])
def test_a_second_time_gives_what_counting_gives(family, folder, monkeypatch):
    points = family.space.sample(np.random.default_rng(1), 300)
    direct = count_ops(family.lower(point) for point in points)
    assert same(count_networks(family, points), direct)
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(FILE.__class__, "write", lambda *_: pytest.fail("counted again"))
    assert same(count_networks(family, points), direct)


def test_few_networks_are_built_the_second_time(folder, monkeypatch):
    points = some_points()
    count_networks(CELLS, points)
    built = []
    lower = Nb201.lower
    monkeypatch.setattr(Nb201, "lower", lambda self, point: built.append(point) or lower(self, point))
    count_networks(CELLS, points)
    assert 0 < len(built) < 0.1 * len(points)


def test_other_points_settings_or_sources_are_counted_anew(folder, monkeypatch):
    points = some_points()
    count_networks(CELLS, points)
    count_networks(CELLS, points[::-1])
    count_networks(Nb201(input_shape=(3, 16, 16), cells=1), points)
    monkeypatch.setattr(network_counts, "version_of", lambda modules: "1" * 64)
    count_networks(CELLS, points)
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(b"not a file of counts"),
    lambda path: path.write_bytes(path.read_bytes()[:-20]),
    lambda path: ArrayFormat("something else", 1, FILE.arrays).write(path, {}, dict.fromkeys(FILE.arrays, np.ones(3))),
    lambda path: FILE.write(path, {}, {"counts": np.ones((3, 2), np.int64), "firsts": np.array([0])}),
    lambda path: FILE.write(path, {}, FILE.read(path)[1] | {"counts": FILE.read(path)[1]["counts"] + 1}),
    lambda path: FILE.write(path, {}, FILE.read(path)[1] | {"firsts": np.array([0, 10**9])}),
    lambda path: FILE.write(path, {}, FILE.read(path)[1] | {"firsts": np.array([], np.int64)}),
], ids=range(7))  # fmt: skip
def test_a_file_that_is_not_right_counts_as_absent(damage, folder):
    points = some_points()
    direct = count_networks(CELLS, points)
    damage(next(folder.iterdir()))
    assert same(count_networks(CELLS, points), direct)


def test_nothing_is_kept_where_nothing_may_be(folder, monkeypatch):
    points = some_points()
    monkeypatch.setattr(network_counts, "version_of", lambda modules: None)
    direct = count_ops(CELLS.lower(point) for point in points)
    assert same(count_networks(CELLS, points), direct)
    assert not folder.exists()
    assert same(count_networks(CELLS, points[:3]), count_ops(CELLS.lower(point) for point in points[:3]))


def test_a_folder_that_cannot_be_written_is_no_obstacle(folder):
    folder.write_text("a file is in the way")
    assert len(count_networks(CELLS, some_points()).counts) == len(some_points())


def test_the_sources_of_the_family_decide_the_version():
    """Not patched: a family outside of the package has no version, so nothing of it is kept."""
    from coexplore.cost.grid_key import engine_sources

    named = {path.name for path in engine_sources("coexplore.networks.nb201")}
    assert {"nb201.py", "_layers.py", "graph.py"} <= named
    assert engine_sources("somewhere.else") == ()

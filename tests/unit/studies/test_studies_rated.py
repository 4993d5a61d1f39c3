"""Of a space too large to go through, the networks with an accuracy are those that a table lists."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coexplore.accuracy.stage_settings import COLUMNS
from coexplore.core.errors import ConfigError
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.spaces.space import factor
from coexplore.studies.config import resolve
from coexplore.studies.rated import rated_networks
from coexplore.studies.schema import parse_config
from coexplore.studies.study import StudyState, run_study
from coexplore.testing.joint_oracle import all_pairs

FAMILY = AccelNasBench(resolution=32)


def write_table(folder, points, accuracy):
    columns = {name: [int(point[name]) for point in points] for name in COLUMNS}
    path = folder / "stages.parquet"
    pq.write_table(pa.table({**columns, "acc": accuracy}), path)
    return path


def document(table, **fields):
    return {
        "name": "listed",
        "task": {"tabular": str(table), "accuracy": "acc", "key": "stages"},
        "network": {"family": "accel-nasbench", "resolution": 32},
        "accelerator": {
            "family": "edge-array",
            "restrict": {
                "pes_x": [1, 2], "pes_y": [1], "simd_units": [16], "lanes": [2], "local_memory_mb": [0.5],
                "register_file_kb": [8], "io_bandwidth_gb_s": [5.0, 25.0],
            },
        },
        "objectives": [{"maximize": "accuracy"}, {"minimize": "latency_s"}],
        "strategy": {"name": "exact"},
        **fields,
    }  # fmt: skip


@pytest.fixture
def points():
    return FAMILY.space.sample(np.random.default_rng(3), 9)


def test_labels_are_the_names_of_networks_and_lead_back(points):
    for point in points:
        assert FAMILY.lower(point).name == FAMILY.label(point)
        assert FAMILY.labelled(FAMILY.label(point)) == point
    for label in ("", "e6k3l2s1", "|".join(["e9k3l1s0"] * 7), "|".join(["e6k3l1s0"] * 8), "|".join(["e6k3l1"] * 7)):
        assert FAMILY.labelled(label) is None


def test_listed_networks_come_in_the_order_of_the_table_and_repetitions_count_once(points, tmp_path):
    table = write_table(tmp_path, [*points, points[0]], [50.0, *range(51, 59), 40.0])
    problem = resolve(parse_config(document(table))).problem
    rated = rated_networks(problem.designs, problem.accuracy)
    assert rated.points == tuple(points)
    assert rated.networks == len(points)
    assert rated.accuracy == pytest.approx([0.45, *(value / 100 for value in range(51, 59))])


def test_networks_outside_of_a_restricted_space_are_none(points, tmp_path):
    table = write_table(tmp_path, points, [50.0] * len(points))
    value = points[0]["block3_e"]
    network = {"family": "accel-nasbench", "resolution": 32, "freeze": {"block3_e": value}}
    problem = resolve(parse_config(document(table, network=network))).problem
    kept = rated_networks(problem.designs, problem.accuracy).points
    assert kept == tuple(point for point in points if point["block3_e"] == value)


def test_a_study_of_listed_networks_runs_and_its_front_is_that_of_all_pairs(points, tmp_path):
    accuracy = np.linspace(50, 58, len(points))
    config = parse_config(document(write_table(tmp_path, points, accuracy)))
    result = run_study(config, tmp_path / "study", 0)
    assert result.state is StudyState.FINISHED
    assert result.joint.networks == result.joint.known == len(points)
    pairs = all_pairs_of(config, points, accuracy / 100)
    best = {
        (p.accuracy, p.latency_s)
        for p in pairs
        if not any(
            (q.accuracy >= p.accuracy and q.latency_s <= p.latency_s)
            and (q.accuracy > p.accuracy or q.latency_s < p.latency_s)
            for q in pairs
        )
    }
    assert {(t.metrics["accuracy"], t.metrics["latency_s"]) for t in result.front} == best


def all_pairs_of(config, points, accuracy):
    from coexplore.cost.network_table import count_ops, price_networks
    from coexplore.studies.op_prices import existing

    problem = resolve(config).problem
    _, chips = existing(problem.designs, list(factor(problem.space, "accelerator").enumerate()))
    table = price_networks(count_ops(FAMILY.lower(point) for point in points), chips)
    return all_pairs(accuracy.tolist(), [table], float("inf"))


def test_a_table_about_other_networks_is_refused(tmp_path, points):
    table = write_table(tmp_path, [], pa.array([], pa.float64()))
    with pytest.raises(ConfigError, match="network: the table"):
        resolve(parse_config(document(table)))
    pq.write_table(pa.table({"arch_str": ["a"], "acc": [50.0]}), tmp_path / "names.parquet")
    with pytest.raises(ConfigError, match=r"task.key.*block0_e"):
        resolve(parse_config(document(tmp_path / "names.parquet")))


def test_a_search_that_would_hardly_meet_a_listed_network_is_refused(tmp_path, points):
    table = write_table(tmp_path, points, [50.0] * len(points))
    with pytest.raises(ConfigError, match=r"strategy\.name: a search of .* would hardly suggest one that"):
        resolve(parse_config(document(table, strategy={"name": "evolution"})))

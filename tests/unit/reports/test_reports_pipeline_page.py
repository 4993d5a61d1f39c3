"""The page of a pipeline: for one that is built, one that is too slow, and none at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coexplore.accelerators.fpga import FpgaPool, PoolEntry
from coexplore.accelerators.fpga_boards import FpgaBoards
from coexplore.accelerators.fpga_devices import fpga_device
from coexplore.cost.boards import price_on_boards
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.reports.pipeline_page import layer_table, pipeline_tables, write_pipeline_page

NETWORK = PlainCnn((3, 16, 16)).assemble([(3, 36, 1), (5, 24, 1), (3, 48, 2)])
DEVICE = fpga_device("7a50t")


def priced(throughput_per_s=None, device=DEVICE):
    return price_on_boards(NETWORK, FpgaBoards(FpgaPool((PoolEntry(device, 2),)), (), throughput_per_s, None))


def test_the_page_of_a_pipeline_has_three_pictures_and_its_tables(tmp_path):
    write_pipeline_page(tmp_path / "page.html", "net", priced())
    text = (tmp_path / "page.html").read_text()
    assert all(f"figure-{name}" in text for name in ("pipeline", "stages", "layers"))
    assert "7a50t" in text
    assert "too slow" not in text.split("<body")[1].split("figure-pipeline")[0]


def test_a_pipeline_that_is_too_slow_is_shown_with_its_bottleneck(tmp_path):
    cost = priced(1e9)
    write_pipeline_page(tmp_path / "page.html", "net", cost)
    text = (tmp_path / "page.html").read_text()
    assert "No pipeline" in text
    assert "times too slow" in text
    assert "figure-stages" in text
    assert pipeline_tables(cost)[0].rows


def test_where_nothing_fits_the_page_gives_the_reason_alone(tmp_path):
    cost = priced(device=replace(DEVICE, bram18=0, memory_lut=0))
    write_pipeline_page(tmp_path / "page.html", "net", cost)
    text = (tmp_path / "page.html").read_text()
    assert "fits no FPGA of the pool" in text
    assert "figure-pipeline" not in text
    assert pipeline_tables(cost) == ()


def test_no_engine_is_busy_for_longer_than_its_layer():
    table = layer_table(priced())
    shares = [float(cell.removesuffix(" %")) for row in table.rows for cell in row[4:]]
    assert len(table.rows) == 4
    assert max(shares) <= 100


@pytest.mark.parametrize("name", ["<script>alert(1)</script>"])
def test_names_stay_text(name, tmp_path):
    write_pipeline_page(tmp_path / "page.html", name, priced(device=replace(DEVICE, name=name)))
    assert name not in (tmp_path / "page.html").read_text()

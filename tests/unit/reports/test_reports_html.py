"""The page about a study: complete in itself, and nothing a user writes becomes markup."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from report_cases import make_result, small_config

from coexplore.core.errors import MissingExtraError
from coexplore.reports.findings import find
from coexplore.reports.html import render, write_report
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, GlobalAveragePool, Linear
from coexplore.workloads.weights import weight_shapes

pytest.importorskip("plotly")
HOSTILE = "</title></script><script>alert('x')</script><img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags_of(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(page)
    return parser.found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return render(find(make_result(tmp_path_factory.mktemp("study"))))


def test_the_page_loads_nothing(page: str) -> None:
    for tag, attributes in tags_of(page):
        assert tag not in ("link", "iframe", "object", "embed")
        assert not {"src", "href", "srcset"} & attributes.keys(), (tag, attributes)
    policy = next(a["content"] for t, a in tags_of(page) if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_plotly_is_embedded_once(page: str) -> None:
    assert len(re.findall(r"plotly\.js v\d", page)) == 1
    assert 1e6 < len(page) < 7e6


def test_every_picture_has_its_place(page: str) -> None:
    places = [a["id"] for t, a in tags_of(page) if t == "div" and (a.get("id") or "").startswith("figure-")]
    assert places == [f"figure-{name}" for name in ("pareto", "progress", "latency", "area", "energy")]


def test_text_of_the_user_stays_text(tmp_path: Path, page: str) -> None:
    hostile = render(find(make_result(tmp_path, small_config(name=HOSTILE))))
    assert [tag for tag, _ in tags_of(hostile)] == [tag for tag, _ in tags_of(page)]
    assert "alert('x')</script>" not in hostile


def test_names_from_a_model_file_stay_text(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from coexplore.workloads.onnx_export import export_onnx

    conv = Conv2d(f"conv{HOSTILE}", ("image",), 4, (3, 3))
    ops = (conv, GlobalAveragePool("pool", (conv.name,)), Linear("fc", ("pool",), 10))
    workload = Workload(HOSTILE, (("image", (1, 1, 8, 8)),), ops, ("fc",))
    weights = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(workload).items()}
    export_onnx(workload, weights, tmp_path / "model.onnx")
    page = render(find(make_result(tmp_path, small_config(network={"onnx": str(tmp_path / "model.onnx")}))))
    assert "alert" in page
    assert "alert('x')</script>" not in page
    assert "img" not in [tag for tag, _ in tags_of(page)]


def test_the_page_names_config_seed_and_versions(page: str) -> None:
    assert "Seed 3" in page
    assert "family: plain-cnn" in page
    assert re.search(r"coexplore \d+\.\d+", page)


def test_a_study_with_nothing_feasible_says_why(tmp_path: Path) -> None:
    result = make_result(tmp_path, small_config(at_most=1.0))
    page = render(find(result))
    assert "Nothing feasible" in page
    assert "above at_most = 1" in page


def test_an_empty_study_has_a_page(tmp_path: Path) -> None:
    assert "figure-pareto" not in render(find(make_result(tmp_path, count=0)))


def test_the_page_replaces_an_older_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(path, find(make_result(tmp_path, count=2)))
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_without_plotly_the_page_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(MissingExtraError, match=r"coexplore\[report\]"):
        render(find(make_result(tmp_path, count=1)))

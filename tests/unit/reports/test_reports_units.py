"""Numbers for people keep their size and their unit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.objectives.metrics import METRICS
from coexplore.reports.units import metric_text, metric_title, quantity

PREFIXES = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "p": 1e-12}


@given(st.floats(min_value=1e-14, max_value=1e14))
def test_a_quantity_reads_back_within_four_digits(value: float) -> None:
    number, written = quantity(value, "s").split(" ")
    assert written.endswith("s")
    assert math.isclose(float(number) * PREFIXES[written[:-1]], value, rel_tol=6e-4)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.9826388, "fraction", "98.26 %"),
        (5.3149e-6, "s", "5.315 µs"),
        (0.0, "J", "0 J"),
        (39.359, "mm2", "39.36 mm²"),
        (300_774_272.0, "MAC", "300.8 M"),
        (188149.15, "1/s", "188149 /s"),
        (math.inf, "s", "-"),
        (math.nan, "J", "-"),
    ],
)
def test_quantities_as_people_write_them(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_every_metric_has_a_title_and_a_text() -> None:
    for name in METRICS:
        assert metric_title(name)
        assert metric_text(name, 0.5) != "-"


def test_what_was_not_measured_is_a_dash() -> None:
    assert metric_text("accuracy", None) == "-"

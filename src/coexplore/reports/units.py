"""How is a measured number written for people? Four digits at most, the unit beside it. JSON keeps the exact number."""

from __future__ import annotations

import math

from coexplore.objectives.metrics import METRICS

_PREFIXES = (
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
    (1e-12, "p"),
)
_PREFIXED = frozenset({"s", "J", "J s", "W", "MAC", "weights"})
_WRITTEN = {"mm2": "mm²", "weights": "", "MAC": "", "1/s": "/s", "GOP/J": "GOP/J", "cost": "", "boards": ""}
TEST_ACCURACY = "test_accuracy"
"""Accuracy on the test part: measured once, at the end, of what was found; no metric to search by."""
_TITLES = {
    "latency_s": "latency",
    "energy_j": "energy",
    "edp_js": "energy-delay product",
    "area_mm2": "area",
    "power_w": "power",
    "throughput_per_s": "throughput",
    "macs": "MACs",
    "pipeline_efficiency": "pipeline efficiency",
    "mapping_gap": "mapping gap, at most",
    "gops_per_w": "energy efficiency",
    "hardware_cost": "hardware cost",
    TEST_ACCURACY: "test accuracy",
}


def quantity(value: float, unit: str) -> str:
    """A value with its unit; a dash where it is not finite."""
    if not math.isfinite(value):
        return "-"
    if unit == "fraction":
        return f"{100 * value:.2f} %"
    written = _WRITTEN.get(unit, unit)
    factor, prefix = _prefix(value) if unit in _PREFIXED else (1.0, "")
    return f"{_digits(value / factor)} {prefix}{written}".rstrip()


def metric_text(metric: str, value: float | None) -> str:
    """The value of a metric with its unit; a dash where it was not measured."""
    return "-" if value is None else quantity(value, metric_unit(metric))


def metric_title(metric: str) -> str:
    """What a metric is called in a heading."""
    return _TITLES.get(metric, metric)


def metric_unit(metric: str) -> str:
    """Unit of a metric, or of the accuracy on the test part."""
    return "fraction" if metric == TEST_ACCURACY else METRICS.get(metric).unit


def _prefix(value: float) -> tuple[float, str]:
    size = abs(value)
    if size == 0:
        return 1.0, ""
    return next(((factor, prefix) for factor, prefix in _PREFIXES if size >= factor), _PREFIXES[-1])


def _digits(value: float) -> str:
    """Four significant digits, without an exponent where the number is not huge."""
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"

"""When is a network not worth more epochs? Successive halving on the validation accuracy of the trials before it.

References:
    Jamieson2016: Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization,
        AISTATS 2016, arXiv 1502.07943 (successive halving).
    Li2020: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020, arXiv 1810.05934 (ASHA,
        Algorithm 2: no waiting for a rung to fill).

Departures:
    A stopped trial is never taken up again: its bar is set by the trials observed when it starts, not by later ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coexplore.accuracy._settings import check_real, check_whole

MAX_EPOCHS = 100_000
"""Most epochs a recipe may ask for."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A bar to pass: after `epochs` epochs the best validation accuracy so far must be `at_least` this."""

    epochs: int
    at_least: float
    """Fraction, 0 to 1."""

    def __post_init__(self) -> None:
        check_whole("rung.epochs", self.epochs, 1, MAX_EPOCHS)
        check_real("rung.at_least", self.at_least, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Halving:
    """Settings of successive halving: a rung at `first_epochs`, and another each `eta` times as far."""

    eta: int = 3
    """The best one in `eta` goes on."""
    first_epochs: int = 3
    """Epochs before the first rung; fewer say little, since batch normalisation has not seen enough yet."""

    def __post_init__(self) -> None:
        check_whole("halving.eta", self.eta, 2, 100)
        check_whole("halving.first_epochs", self.first_epochs, 1, MAX_EPOCHS)

    def rungs(self, curves: Sequence[Sequence[float]], epochs: int) -> tuple[Rung, ...]:
        """The bars for the next trial, given the validation curves observed so far (any order, any length).

        The bar of a rung is the n-th best value there, n being one in `eta` of the curves that reached it. A rung that
        fewer than `eta` curves reached has no bar and is left out; so are those at `epochs` or beyond.
        """
        rungs = []
        for rung_epochs in self._schedule(epochs):
            values = sorted((max(curve[:rung_epochs]) for curve in curves if len(curve) >= rung_epochs), reverse=True)
            if len(values) >= self.eta:
                rungs.append(Rung(rung_epochs, values[len(values) // self.eta - 1]))
        return tuple(rungs)

    def _schedule(self, epochs: int) -> list[int]:
        schedule, rung_epochs = [], self.first_epochs
        while rung_epochs < epochs:
            schedule.append(rung_epochs)
            rung_epochs *= self.eta
        return schedule


def stop_reason(curve: Sequence[float], rungs: Sequence[Rung]) -> str:
    """Why training stops after the last epoch of `curve`, or an empty string when it goes on."""
    for rung in rungs:
        if rung.epochs == len(curve) and max(curve) < rung.at_least:
            return (
                f"stopped after {len(curve)} epochs: validation accuracy {max(curve):.4f} is below "
                f"the {rung.at_least:.4f} that this rung asks for"
            )
    return ""

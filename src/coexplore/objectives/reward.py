"""How good is a design, as one number? Scalarisations by the names they have in their papers; larger is better.

`A` accuracy, `T` the cost metric named by `metric`, `T0` its target. Before training there is no accuracy: it counts as
1 in every reward, so the result is the most that the design can still reach.

References:
    Tan2019: M. Tan et al., "MnasNet: platform-aware neural architecture search for mobile", CVPR 2019.
    Bender2020: G. Bender et al., "Can weight sharing outperform random architecture search? TuNAS", CVPR 2020.
    Zhou2021: Y. Zhou et al., "Rethinking co-design of neural architectures and hardware accelerators" (NAHAS), 2021.
    Jiang2019: W. Jiang et al., "Hardware/software co-exploration of neural architectures", TCAD 2020.
    Jiang2019b: W. Jiang et al., "Accuracy vs. efficiency: FPGA-implementation aware NAS" (FNAS), DAC 2019.
    Shi2020: Z. Shi et al., "Learned hardware/software co-design of neural accelerators", 2020.

Departures: targets are constraints of the study where no setting gives them; `objectives` and `penalty` are ours.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from coexplore.core.errors import ConfigError, EvaluationError, did_you_mean
from coexplore.core.registry import Registry
from coexplore.objectives.metrics import METRICS, Direction, Metrics, Source
from coexplore.objectives.objective import Constraint, Objective

SMALLEST_RATIO = 1e-12
"""Ratios below this count as this, so that a cost of 0 stays finite."""


class Reward(Protocol):
    """One number from the metrics of a design."""

    def __call__(self, metrics: Metrics, baseline: float = 0.0) -> float:
        """The reward, larger is better.

        Args:
            metrics: what is known of the design; accuracy may be absent.
            baseline: moving average of the accuracies seen before (`next_baseline`); only FNAS reads it.

        Raises:
            EvaluationError: a cost that the reward reads was not measured or is not positive and finite.
        """
        ...


REWARDS: Registry[Callable[..., Reward]] = Registry("reward")
"""Frozen dataclasses whose fields are the settings; `build_reward` makes one from a study file."""


def penalty(violation: float) -> float:
    """Reward of an infeasible design, in [-1, 0): falls smoothly with the relative violation (*ours*)."""
    return -1.0 if math.isinf(violation) else -violation / (1.0 + violation)


def next_baseline(baseline: float | None, accuracy: float, decay: float = 0.8) -> float:
    """Moving average of accuracy after one more trial (Jiang2019b: decay 0.8); None before the first."""
    return accuracy if baseline is None else decay * baseline + (1.0 - decay) * accuracy


def _accuracy(metrics: Metrics) -> float:
    return metrics.get("accuracy", 1.0)


def _ratio(metrics: Metrics, metric: str, target: float) -> float:
    value = metrics.get(metric)
    if value is None or not 0.0 < value < math.inf:
        state = "was not measured" if value is None else f"is {value}"
        raise EvaluationError(f"the reward needs a positive, finite {metric}, which {state}")
    return max(value / target, SMALLEST_RATIO)


def _check_target(metric: str, target: float, field: str = "target") -> None:
    METRICS.get(metric)
    if not 0.0 < target < math.inf:
        raise ConfigError(f"reward.{field}: must be positive and finite, not {target}")


def _check_range(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"reward.{field}: must lie in [{low:g}, {high:g}], not {value}")


@REWARDS.register("objectives")
@dataclass(frozen=True, slots=True)
class ObjectivesReward:
    """The objectives of the study as one product (*ours*, after Tan2019).

    `R = prod(x ** e)` over the objectives that were measured: `x` is the value over the bound of the study's constraint
    on that metric (1 unit without one), `e` is 1 for accuracy and `weight` for costs, negative where minimised. With
    the default, halving a cost is worth 5 % of accuracy. Another unit or bound multiplies all rewards by the same
    factor, so it never changes which design is better. Never negative.
    """

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()
    weight: float = 0.07

    def __post_init__(self) -> None:
        _check_range("weight", self.weight, 0.0, 1.0)

    def __call__(self, metrics: Metrics, baseline: float = 0.0) -> float:
        """See `Reward`; a value that is not a number gives 0."""
        known = [objective for objective in self.objectives if objective.metric in metrics]
        reward = math.prod(self._factor(objective, metrics[objective.metric]) for objective in known)
        return 0.0 if math.isnan(reward) else reward

    def _factor(self, objective: Objective, value: float) -> float:
        exponent = 1.0 if METRICS.get(objective.metric).source is Source.ACCURACY else self.weight
        ratio = max(value / self._scale(objective.metric), SMALLEST_RATIO)
        return math.pow(ratio, exponent if objective.direction is Direction.MAXIMIZE else -exponent)

    def _scale(self, metric: str) -> float:
        bounds = (bound for c in self.constraints if c.metric == metric for bound in (c.at_most, c.at_least) if bound)
        return 1.0 if METRICS.get(metric).source is Source.ACCURACY else next(bounds, 1.0)


@REWARDS.register("weighted-product-soft")
@dataclass(frozen=True, slots=True)
class WeightedProduct:
    """`R = A * (T/T0)^w * (area/area0)^w`, each w `met` up to its target and `broken` beyond (Zhou2021).

    Soft: both -0.07, as in Tan2019. Hard: 0 and -1, so nothing is gained below a target.
    """

    target: float
    area_target_mm2: float | None = None
    """None leaves area out."""
    metric: str = "latency_s"
    met: float = -0.07
    broken: float = -0.07

    def __post_init__(self) -> None:
        _check_target(self.metric, self.target)
        if self.area_target_mm2 is not None:
            _check_target("area_mm2", self.area_target_mm2, "area_target_mm2")
        _check_range("met", self.met, -10.0, 0.0)
        _check_range("broken", self.broken, -10.0, 0.0)

    def __call__(self, metrics: Metrics, baseline: float = 0.0) -> float:
        """See `Reward`."""
        reward = _accuracy(metrics) * self._factor(_ratio(metrics, self.metric, self.target))
        if self.area_target_mm2 is None:
            return reward
        return reward * self._factor(_ratio(metrics, "area_mm2", self.area_target_mm2))

    def _factor(self, ratio: float) -> float:
        return math.pow(ratio, self.met if ratio <= 1.0 else self.broken)


REWARDS.register("weighted-product-hard")(functools.partial(WeightedProduct, met=0.0, broken=-1.0))


@REWARDS.register("absolute")
@dataclass(frozen=True, slots=True)
class AbsoluteReward:
    """`R = A + beta * |T/T0 - 1|`: best exactly on the target (Bender2020, `abs`)."""

    target: float
    metric: str = "latency_s"
    beta: float = -0.10

    def __post_init__(self) -> None:
        _check_target(self.metric, self.target)
        _check_range("beta", self.beta, -10.0, 0.0)

    def __call__(self, metrics: Metrics, baseline: float = 0.0) -> float:
        """See `Reward`."""
        return _accuracy(metrics) + self.beta * abs(_ratio(metrics, self.metric, self.target) - 1.0)


@REWARDS.register("mnas")
@dataclass(frozen=True, slots=True)
class MnasReward:
    """`R = A * (T/T0)^beta` (Tan2019; Bender2020, `mnas`)."""

    target: float
    metric: str = "latency_s"
    beta: float = -0.07

    def __post_init__(self) -> None:
        _check_target(self.metric, self.target)
        _check_range("beta", self.beta, -10.0, 0.0)

    def __call__(self, metrics: Metrics, baseline: float = 0.0) -> float:
        """See `Reward`."""
        return _accuracy(metrics) * math.pow(_ratio(metrics, self.metric, self.target), self.beta)


@REWARDS.register("mnas-hard")
@dataclass(frozen=True, slots=True)
class HardMnasReward:
    """`R = A * min((T/T0)^beta, 1)`: nothing is gained below the target (Bender2020, `mnas_hard`)."""

    target: float
    metric: str = "latency_s"
    beta: float = -0.07

    def __post_init__(self) -> None:
        _check_target(self.metric, self.target)
        _check_range("beta", self.beta, -10.0, 0.0)

    def __call__(self, metrics: Metrics, baseline: float = 0.0) -> float:
        """See `Reward`."""
        return _accuracy(metrics) * min(math.pow(_ratio(metrics, self.metric, self.target), self.beta), 1.0)


@REWARDS.register("convex")
@dataclass(frozen=True, slots=True)
class ConvexReward:
    """`R = beta * A + (1 - beta) * U` with the utilisation `U` (Jiang2019, slow exploration; our `beta`)."""

    beta: float = 0.5
    metric: str = "utilisation"
    """What `U` is; of a pipeline of FPGAs it is `pipeline_efficiency`."""

    def __post_init__(self) -> None:
        _check_range("beta", self.beta, 0.0, 1.0)
        METRICS.get(self.metric)

    def __call__(self, metrics: Metrics, baseline: float = 0.0) -> float:
        """See `Reward`."""
        return self.beta * _accuracy(metrics) + (1.0 - self.beta) * _ratio(metrics, self.metric, 1.0)


@REWARDS.register("fnas")
@dataclass(frozen=True, slots=True)
class FnasReward:
    """`(A - b) + T/T0` up to the target, `(T0 - T)/T0 - 1` beyond (Jiang2019b, as in the paper).

    `b` is the moving accuracy. Pays for *using up* the latency budget, and falls by `A - b + 2` just beyond it.
    """

    target: float
    metric: str = "latency_s"

    def __post_init__(self) -> None:
        _check_target(self.metric, self.target)

    def __call__(self, metrics: Metrics, baseline: float = 0.0) -> float:
        """See `Reward`."""
        ratio = _ratio(metrics, self.metric, self.target)
        return _accuracy(metrics) - baseline + ratio if ratio <= 1.0 else -ratio


@REWARDS.register("edp")
@dataclass(frozen=True, slots=True)
class EdpReward:
    """`R = EDP0 / EDP`: the energy-delay product alone, accuracy left out, as in hardware search (Shi2020)."""

    target: float
    """EDP0 in J s."""

    def __post_init__(self) -> None:
        _check_target("edp_js", self.target)

    def __call__(self, metrics: Metrics, baseline: float = 0.0) -> float:
        """See `Reward`."""
        return 1.0 / _ratio(metrics, "edp_js", self.target)


_FROM_STUDY = ("objectives", "constraints")


def build_reward(
    name: str,
    settings: Mapping[str, object],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
) -> Reward:
    """The reward of a name with the settings of a study file.

    Targets that the settings leave out are the `at_most` bounds of the constraints on the same metric.

    Raises:
        UnknownNameError: there is no such reward or metric.
        ConfigError: a setting is unknown, missing, of the wrong type or out of range; the message begins with its path.
    """
    make = REWARDS.get(name)
    fields = inspect.signature(make).parameters
    settable = [field for field in fields if field not in _FROM_STUDY]
    given = {key: _checked_setting(name, key, value, settable, fields) for key, value in settings.items()}
    metric = given.get("metric", fields["metric"].default if "metric" in fields else "edp_js")
    study: dict[str, object] = {
        "objectives": tuple(objectives),
        "constraints": tuple(constraints),
        "target": _bound(constraints, metric),
        "area_target_mm2": _bound(constraints, "area_mm2") if metric != "area_mm2" else None,
    }
    given |= {key: value for key, value in study.items() if key in fields and key not in given}
    if "target" in given and given["target"] is None:
        raise ConfigError(f"reward.target: reward {name!r} needs one; give it, or constrain {metric} with at_most")
    return make(**given)


def _checked_setting(
    reward: str, key: str, value: object, settable: Sequence[str], fields: Mapping[str, inspect.Parameter]
) -> object:
    if key not in settable:
        raise ConfigError(f"reward.{key}: reward {reward!r} has no such setting; {did_you_mean(key, settable)}")
    annotation = fields[key].annotation
    if annotation == "str" and isinstance(value, str):
        return value
    if annotation != "str" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ConfigError(f"reward.{key}: must be {'a name' if annotation == 'str' else 'a number'}, not {value!r}")


def _bound(constraints: Sequence[Constraint], metric: object) -> float | None:
    """The tightest upper bound on a metric."""
    return min((c.at_most for c in constraints if c.metric == metric and c.at_most is not None), default=None)

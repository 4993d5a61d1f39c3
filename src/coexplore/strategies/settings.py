"""How do settings from a study file become a strategy's settings? By name, with every value checked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import cast

from coexplore.core.errors import ConfigError, did_you_mean
from coexplore.strategies.strategy import STRATEGIES, StrategySettings


def make_settings(name: str, settings: Mapping[str, object], path: str = "strategy") -> StrategySettings:
    """The settings of the strategy registered under `name`.

    Args:
        name: key of `STRATEGIES`.
        settings: values by field name; fields left out keep their default.
        path: where the settings stand in the study file, for messages.

    Raises:
        UnknownNameError: no such strategy.
        ConfigError: a field is unknown, missing or its value is not legal; the message begins with its path.
        TypeError: what is registered is not a dataclass.
    """
    kind: object = STRATEGIES.get(name)
    if not dataclasses.is_dataclass(kind):
        raise TypeError(f"the settings of strategy {name!r} are registered as {kind!r}, which is not a dataclass")
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    for given in settings:
        if given not in fields:
            raise ConfigError(f"{path}.{given}: unknown setting of strategy {name!r}; {did_you_mean(given, fields)}")
    for field in fields.values():
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if not optional and field.name not in settings:
            raise ConfigError(f"{path}.{field.name}: strategy {name!r} needs this setting; add it")
    make = cast("Callable[..., StrategySettings]", kind)
    try:
        return make(**settings)
    except ConfigError as error:
        raise ConfigError(f"{path}.{error}") from error


def check_whole(field: str, value: object, at_least: int) -> None:
    """Refuse anything but a whole number not below `at_least`.

    Raises:
        ConfigError: naming the field.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise ConfigError(f"{field}: is {value!r}; give a whole number of at least {at_least}")


def check_real(field: str, value: object, low: float, high: float) -> None:
    """Refuse anything but a finite number in [`low`, `high`].

    Raises:
        ConfigError: naming the field.
    """
    real = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not real or not low <= cast(float, value) <= high:
        raise ConfigError(f"{field}: is {value!r}; give a number from {low:g} to {high:g}")

"""Which side of a study is free? The four modes of NAHAS as one setting; they differ in nothing else.

References:
    Zhou2021: Zhou et al., arXiv 2102.08619: fixed hardware, hardware only, one side after the other, jointly.
"""

from __future__ import annotations

from collections.abc import Callable

from coexplore.accelerators.family import BASELINE
from coexplore.core.errors import ConfigError, SpaceError
from coexplore.design import ACCELERATOR, NETWORK, DesignSpace
from coexplore.spaces.space import Point, factor, part
from coexplore.studies.phases import middle_point
from coexplore.studies.schema import PhasesConfig, StudyConfig


def in_mode(config: StudyConfig, designs: DesignSpace) -> StudyConfig:
    """The study that a mode makes of a study, which then has none.

    Args:
        config: with a mode.
        designs: of all pairs.

    Raises:
        ConfigError: the study does not go with the mode.
    """
    plain = config.model_copy(update={"mode": None})
    if config.mode != "phase" and config.phases is not None:
        raise ConfigError(f"phases: does not go with mode: {config.mode}; leave it out, or take mode: phase")
    for side in (NETWORK, ACCELERATOR):
        if factor(designs.space, side).size < 2:
            raise ConfigError(f"mode: is {config.mode}, but the {side} is fixed already; leave mode out")
    return _MODES[str(config.mode)](plain, designs)


def _joint(config: StudyConfig, designs: DesignSpace) -> StudyConfig:
    return config


def _phase(config: StudyConfig, designs: DesignSpace) -> StudyConfig:
    return config.model_copy(update={"phases": config.phases or PhasesConfig()})


def _fixed_accelerator(config: StudyConfig, designs: DesignSpace) -> StudyConfig:
    """The accelerator is the baseline of its family."""
    presets, space = designs.accelerator_family.presets, factor(designs.space, ACCELERATOR)
    try:
        baseline = space.point(presets[BASELINE])
    except (KeyError, SpaceError) as error:
        raise ConfigError(f"mode: the accelerators of the study leave the family's baseline out ({error})") from error
    return _frozen(config, ACCELERATOR, baseline)


def _hardware_only(config: StudyConfig, designs: DesignSpace) -> StudyConfig:
    """The network is the one with the middle value of every decision, as in the first phase by default."""
    return _frozen(config, NETWORK, part(middle_point(designs.space, NETWORK, {}), NETWORK))


def _frozen(config: StudyConfig, side: str, point: Point) -> StudyConfig:
    section = getattr(config, side)
    return config.model_copy(update={side: section.model_copy(update={"restrict": {}, "freeze": dict(point)})})


_MODES: dict[str, Callable[[StudyConfig, DesignSpace], StudyConfig]] = {
    "joint": _joint,
    "fixed-accelerator": _fixed_accelerator,
    "hardware-only": _hardware_only,
    "phase": _phase,
}

"""Which networks and which accelerators does a study file mean? The sections `network` and `accelerator`, looked up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

from pydantic import ConfigDict, JsonValue, ValidationError, create_model

from coexplore.accelerators.description import read_accelerator
from coexplore.accelerators.family import ACCELERATOR_FAMILIES, AcceleratorFamily, find_accelerator
from coexplore.core.errors import (
    AcceleratorError,
    CoexploreError,
    ConfigError,
    SpaceError,
    StoreError,
    UnknownNameError,
    did_you_mean,
)
from coexplore.core.registry import Registry
from coexplore.design import FixedAccelerator
from coexplore.networks.network import NETWORK_FAMILIES, NETWORK_PRESETS, FixedNetwork, NetworkFamily
from coexplore.spaces.decision import Value
from coexplore.studies.schema import AcceleratorConfig, NetworkConfig, explain_validation
from coexplore.studies.settings import make_settings, setting_names, settings_document
from coexplore.workloads.graph import Workload

T = TypeVar("T")
Settings = dict[str, object]
"""Values by name, as a document."""
Restrictions = tuple[tuple[str, tuple[Value, ...]], ...]


@dataclass(frozen=True, slots=True)
class DataShape:
    """What a network must know of the data."""

    name: str
    """Of the data set."""
    input_shape: tuple[int, int, int]
    """(C, H, W) of an image."""
    classes: int
    label_shape: tuple[int, ...] = ()
    """Of the labels of one image: () for one label, (H, W) for one a pixel."""

    @property
    def output(self) -> tuple[int, ...]:
        """What a network returns for one image: a score per class and label."""
        return (self.classes, *self.label_shape)

    def settings(self) -> dict[str, JsonValue]:
        """As settings of a network."""
        return {"input_shape": list(self.input_shape), "classes": self.classes}


def look_up(registry: Registry[T], name: str, path: str) -> T:
    """An entry of a registry.

    Raises:
        ConfigError: unknown; the message begins with the path and names the nearest.
    """
    try:
        return registry.get(name)
    except UnknownNameError as error:
        raise ConfigError(f"{path}: {error}") from error


def network_side(section: NetworkConfig, data: DataShape | None) -> tuple[NetworkFamily, Settings]:
    """The networks of a study, and every setting of the section written out.

    Args:
        section: of the study file.
        data: fills in what the section leaves open; None where no data are needed.

    Raises:
        ConfigError: the message begins with the path of the wrong field.
    """
    if section.suite is not None:
        raise ConfigError(
            "network.suite: a suite is solved by `coexplore run` alone; give one network or a family of them here"
        )
    if section.onnx is not None:
        _refuse_settings(section.settings, "network")
        return FixedNetwork(_read_model(Path(section.onnx))), {}
    shape = {} if data is None else data.settings()
    if section.fixed is not None:
        preset = look_up(NETWORK_PRESETS, section.fixed, "network.fixed")
        known = [name for name in get_type_hints(preset) if name != "return"]
        settings = {name: value for name, value in shape.items() if name in known} | section.settings
        return FixedNetwork(_call_preset(preset, settings, known, section.fixed)), dict(settings)
    assert section.family is not None
    kind = look_up(NETWORK_FAMILIES, section.family, "network.family")
    known = setting_names(kind)
    settings = {name: value for name, value in shape.items() if name in known} | section.settings
    family = make_settings(kind, settings, "network", f"network family {section.family!r}")
    return family, settings_document(family)


def accelerator_side(section: AcceleratorConfig) -> tuple[AcceleratorFamily, Settings]:
    """The accelerators of a study, and every setting of the section written out.

    Raises:
        ConfigError: the message begins with the path of the wrong field.
    """
    if section.family is not None:
        kind = look_up(ACCELERATOR_FAMILIES, section.family, "accelerator.family")
        family = make_settings(kind, section.settings, "accelerator", f"accelerator family {section.family!r}")
        return family, settings_document(family)
    _refuse_settings(section.settings, "accelerator")
    try:
        if section.fixed is not None:
            return FixedAccelerator(find_accelerator(section.fixed)), {}
        return FixedAccelerator(read_accelerator(Path(str(section.file)))), {}
    except (AcceleratorError, StoreError, UnknownNameError) as error:
        raise ConfigError(f"accelerator.{'fixed' if section.fixed else 'file'}: {error}") from error


def restrictions(
    section: NetworkConfig | AcceleratorConfig, family: NetworkFamily | AcceleratorFamily, prefix: str
) -> Restrictions:
    """What `restrict` and `freeze` leave of a side, by names in the space of designs.

    Raises:
        ConfigError: an unknown decision, an illegal value, or nothing is left.
    """
    try:
        space = family.space
    except SpaceError as error:
        raise ConfigError(f"{prefix}: {error}") from error
    given: tuple[tuple[str, Mapping[str, tuple[Value, ...]]], ...] = (
        ("restrict", section.restrict),
        ("freeze", {name: (value,) for name, value in section.freeze.items()}),
    )
    found: dict[str, tuple[Value, ...]] = {}
    for field, values in given:
        for name, kept in values.items():
            try:
                space.restrict({name: kept})
            except SpaceError as error:
                raise ConfigError(f"{prefix}.{field}.{name}: {error}") from error
            if name in found:
                raise ConfigError(f"{prefix}.{field}.{name}: is restricted and frozen; give only one of both")
            found[name] = kept
    return tuple((f"{prefix}.{name}", kept) for name, kept in found.items())


def check_reads(workload: Workload, data: DataShape) -> None:
    """Refuse networks that cannot be trained on the data; images of another size are resized, that is no obstacle.

    Raises:
        ConfigError: other channels or classes.
    """
    shapes = [shape for _, shape in workload.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] != data.input_shape[0]:
        raise ConfigError(
            f"network: it reads {shapes}; the data set {data.name!r} has images of {data.input_shape}, which need one "
            f"input (N, {data.input_shape[0]}, H, W)"
        )
    outputs = [workload.shapes[name] for name in workload.outputs]
    if len(outputs) != 1 or outputs[0][1:] != data.output:
        needed = ", ".join(map(str, data.output))
        raise ConfigError(f"network: it returns {outputs}; the data set {data.name!r} needs one output (N, {needed})")


def _refuse_settings(settings: Mapping[str, JsonValue], path: str) -> None:
    for name in settings:
        raise ConfigError(f"{path}.{name}: unknown field; what is read from a file or preset here has no settings")


def _read_model(path: Path) -> Workload:
    from coexplore.workloads.onnx_import import read_onnx  # here: it needs an extra, which other studies do without

    try:
        return read_onnx(path)
    except CoexploreError as error:
        raise ConfigError(f"network.onnx: {error}") from error


def _call_preset(
    preset: Callable[..., Workload], settings: dict[str, JsonValue], known: list[str], name: str
) -> Workload:
    for setting in settings:
        if setting not in known:
            raise ConfigError(
                f"network.{setting}: unknown setting of network preset {name!r}; {did_you_mean(setting, known)}"
            )
    hints = get_type_hints(preset)
    fields = cast("dict[str, Any]", {setting: (hints[setting], ...) for setting in settings})
    model = create_model("Settings", __config__=ConfigDict(strict=True), **fields)
    try:
        return preset(**dict(model.model_validate_json(json.dumps(settings))))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(explain_validation(first, ".".join(["network", *map(str, first["loc"])]))) from error
    except CoexploreError as error:
        raise ConfigError(f"network.fixed: {error}") from error

"""What is a network, and what is a family of them? A space, and a way from each of its points to a workload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from coexplore.core.errors import ConfigError
from coexplore.core.hashing import content_hash
from coexplore.core.registry import Registry
from coexplore.spaces.space import Point, Space
from coexplore.workloads.graph import Workload

ImageShape = tuple[int, int, int]


class NetworkFamily(Protocol):
    """A parameterised network; implementations are frozen dataclasses whose fields are the settings.

    Families that can be chosen by name have the fields `input_shape` (C, H, W of the data) and `classes`.
    """

    @property
    def name(self) -> str:
        """The name under which it is registered."""
        ...

    @property
    def space(self) -> Space:
        """The decisions; every point of it lowers to a legal workload."""
        ...

    def lower(self, point: Point) -> Workload:
        """The graph of ops a point stands for; cheap, needs no torch."""
        ...


@runtime_checkable
class LocalFamily(Protocol):
    """A family whose decisions shape single layers, which is what they can be rewarded for."""

    def shaped_by(self, decision: str) -> str:
        """Name of the op that a decision shapes, or what the names of its ops begin with; empty for all ops."""
        ...


@runtime_checkable
class TabledFamily(Protocol):
    """A family whose networks have names in a published table; `lower` gives every workload that name."""

    def label(self, point: Point) -> str:
        """The name of a point of `space`, without building its graph."""
        ...


@runtime_checkable
class ListedFamily(TabledFamily, Protocol):
    """A family of which a table lists networks that are far fewer than its space has."""

    def labelled(self, label: str) -> Point | None:
        """The point of that name; None where the space has none."""
        ...


@dataclass(frozen=True, slots=True)
class Network:
    """One point of a family. Equal content, equal `content_hash`, in any process."""

    family: NetworkFamily
    point: Point

    @property
    def name(self) -> str:
        """The family's name, and where it has decisions the first eight digits of the content hash."""
        return f"{self.family.name}-{content_hash(self)[:8]}" if self.point else self.family.name

    def workload(self) -> Workload:
        """The graph of ops, for pricing, training and export alike."""
        return self.family.lower(self.point)

    def shapes(self, decision: str, layers: Sequence[str]) -> tuple[str, ...]:
        """Those of the ops that a decision shapes; empty where the family does not say, or it shapes all alike."""
        own = self.family.shaped_by(decision) if isinstance(self.family, LocalFamily) else ""
        return tuple(name for name in layers if name == own or name.startswith(f"{own}.")) if own else ()


@dataclass(frozen=True, slots=True)
class FixedNetwork:
    """A family with nothing to decide: one workload, from a preset or a model file."""

    workload: Workload

    @property
    def name(self) -> str:
        """The name of the workload."""
        return self.workload.name

    @property
    def space(self) -> Space:
        """The empty space."""
        return Space()

    def lower(self, point: Point) -> Workload:
        """The workload."""
        return self.workload


NETWORK_FAMILIES: Registry[type[NetworkFamily]] = Registry("network family")
NETWORK_PRESETS: Registry[Callable[..., Workload]] = Registry("network preset")


def check_image_settings(family: str, input_shape: ImageShape, classes: int, resolution: int | None) -> None:
    """Check the settings that all families of image networks share.

    Raises:
        ConfigError: naming the field, its value and what is legal.
    """
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise ConfigError(f"{family}.input_shape is {input_shape}; give channels, height and width, each at least 1")
    if classes < 2:
        raise ConfigError(f"{family}.classes is {classes}; a classifier needs at least 2")
    if resolution is not None and resolution < 1:
        raise ConfigError(f"{family}.resolution is {resolution}; give a size of at least 1, or leave it out")


def workload_input(input_shape: ImageShape, resolution: int | None) -> ImageShape:
    """(C, H, W) of what the network reads: the data's own, or square at `resolution` after resizing."""
    return input_shape if resolution is None else (input_shape[0], resolution, resolution)

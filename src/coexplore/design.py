"""What is designed? A network together with the accelerator that runs it, and the space of all such pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.family import AcceleratorFamily, Hardware, as_chip
from coexplore.networks.network import Network, NetworkFamily
from coexplore.spaces.decision import Value
from coexplore.spaces.described import Described, Reals, encoded
from coexplore.spaces.space import Point, Space, part, product

NETWORK = "network"
"""Prefix of the decisions of the network."""
ACCELERATOR = "accelerator"
"""Prefix of the decisions of the accelerator."""


@dataclass(frozen=True, slots=True)
class Design:
    """A network and an accelerator."""

    network: Network
    accelerator: Hardware

    @property
    def chip(self) -> Accelerator:
        """The accelerator, where it is one described level by level.

        Raises:
            AcceleratorError: it is FPGAs that share the network.
        """
        return as_chip(self.accelerator)


@dataclass(frozen=True, slots=True)
class FixedAccelerator:
    """An accelerator family with nothing to decide: a preset, or a description from a file."""

    accelerator: Accelerator

    @property
    def space(self) -> Space:
        """The empty space."""
        return Space()

    @property
    def presets(self) -> Mapping[str, Point]:
        """The accelerator itself is the baseline."""
        return {"baseline": Point()}

    def decode(self, point: Point) -> Accelerator:
        """The accelerator."""
        return self.accelerator


@dataclass(frozen=True)
class DescribedDesigns(Space):
    """Designs whose accelerators have features; networks are encoded as any space is."""

    family: Described | None = None

    def features(self, points: Sequence[Point]) -> Reals:
        """(n, f) Encoded network, then features of the accelerator."""
        assert self.family is not None
        networks = Space(tuple(d for d in self.decisions if d.name.startswith(f"{NETWORK}.")))
        chosen = [Point(tuple(e for e in point.entries if e[0].startswith(f"{NETWORK}."))) for point in points]
        hardware = self.family.features([part(point, ACCELERATOR) for point in points])
        return np.hstack([encoded(networks, chosen), hardware])


@dataclass(frozen=True)
class DesignSpace:
    """All pairs of a network of one family and an accelerator of another, or some of them.

    Raises:
        SpaceError: when `space` is asked for and `restrictions` name an unknown decision or an illegal value.
    """

    network_family: NetworkFamily
    accelerator_family: AcceleratorFamily
    restrictions: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    """Decisions that keep only some values, by names such as "network.kernel0"; every part is left by default."""

    @cached_property
    def space(self) -> Space:
        """The product of both spaces, with names like "network.kernel0" and "accelerator.pes_x"."""
        whole = product(network=self.network_family.space, accelerator=self.accelerator_family.space)
        legal = whole.restrict(dict(self.restrictions))
        if isinstance(self.accelerator_family, Described):
            return DescribedDesigns(legal.decisions, self.accelerator_family)
        return legal

    @cached_property
    def network_space(self) -> Space:
        """What is left of the networks, with their own names such as "kernel0"."""
        own = {name: values for name, values in self.restrictions if name.startswith(f"{NETWORK}.")}
        return self.network_family.space.restrict({name.partition(".")[2]: values for name, values in own.items()})

    def decode(self, point: Point) -> Design:
        """The design a point stands for."""
        network = Network(self.network_family, part(point, NETWORK))
        return Design(network, self.accelerator_family.decode(part(point, ACCELERATOR)))

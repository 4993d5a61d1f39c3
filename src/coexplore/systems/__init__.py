"""The published methods by name: what each claims, and what of it runs here. Importing a file enters its system."""

from __future__ import annotations

from coexplore.systems import coexplore as coexplore
from coexplore.systems import learned_codesign as learned_codesign
from coexplore.systems import nahas as nahas

"""How do other tools count? One small file each; these are the ones that can be named."""

from __future__ import annotations

from coexplore.cost.accounting import PHYSICS
from coexplore.cost.presets.scalesim import SCALESIM
from coexplore.cost.presets.timeloop import TIMELOOP, TIMELOOP_2022
from coexplore.cost.presets.touched import TOUCHED
from coexplore.cost.presets.zigzag import ZIGZAG

ACCOUNTINGS = {one.name: one for one in (PHYSICS, TIMELOOP, TIMELOOP_2022, SCALESIM, ZIGZAG, TOUCHED)}

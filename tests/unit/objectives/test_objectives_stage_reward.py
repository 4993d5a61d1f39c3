"""The reward of a stage rises to full use and falls beyond it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.core.errors import ConfigError
from coexplore.objectives.stage_reward import StageReward

USES = st.floats(0.0, 5.0)


@pytest.mark.parametrize(("use", "reward"), [(0.0, 0.0), (0.4, 0.4), (1.0, 1.0), (1.5, 0.5), (2.0, 0.0), (2.1, -1.0)])
def test_the_recalled_form_is_the_default(use, reward):
    assert StageReward()(use) == pytest.approx(reward)


@given(USES, USES)
def test_full_use_is_best_and_each_side_is_monotone(a, b):
    reward, (low, high) = StageReward(slope=0.5, limit=3.0), sorted((a, b))
    assert reward(a) <= reward(1.0)
    if high <= 1:
        assert reward(low) <= reward(high)
    if low >= 1:
        assert reward(low) >= reward(high)


@pytest.mark.parametrize("slope", [0.2, 1.0, 3.0])
def test_it_has_no_jump_at_full_use(slope):
    reward = StageReward(slope=slope, floor=-10.0)
    assert abs(reward(1 - 1e-9) - reward(1 + 1e-9)) < 1e-7


@pytest.mark.parametrize(
    ("settings", "message"), [({"slope": -1}, "slope: is -1"), ({"limit": 0.5}, "limit: "), ({"floor": 0.5}, "floor: ")]
)
def test_what_is_wrong_is_named(settings, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        StageReward(**settings)

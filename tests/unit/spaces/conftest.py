from __future__ import annotations

from hypothesis import settings

# A busy machine must not fail a law: what may take how long is asked by the tests that measure time.
settings.register_profile("coexplore", deadline=None)
settings.load_profile("coexplore")

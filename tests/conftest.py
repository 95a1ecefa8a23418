"""Settings of every test process: one thread, and the same examples every time."""

from __future__ import annotations

import os

from hypothesis import settings

# torch reads this at its first import, which is later. Several processes on few cores would
# otherwise wait for each other at every small operation.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, so that only a change of the code turns a test red.
# HYPOTHESIS_PROFILE=explore tries new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

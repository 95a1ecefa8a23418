"""A plugin that never ends its import in the process of a trial."""

import importlib
import sys
import time
from typing import Any

import rnnbench

if "rnnbench.execution.isolation.server" in sys.modules:  # in a trial's process
    time.sleep(3600)


@rnnbench.hookimpl
def register_models(register: Any) -> None:
    register("import-hangs", importlib.import_module("acme_faults").Good)

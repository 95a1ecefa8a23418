"""A plugin that starts a thread and a process when it is imported."""

import importlib
import subprocess
import sys
import threading
from typing import Any

import rnnbench

threading.Thread(target=threading.Event().wait, daemon=True).start()
if "rnnbench.execution.isolation.server" in sys.modules:  # in a trial's process
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])


@rnnbench.hookimpl
def register_models(register: Any) -> None:
    register("restless", importlib.import_module("acme_faults").Good)

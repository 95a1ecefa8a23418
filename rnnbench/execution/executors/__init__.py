"""Executors: where the trials of a run are trained.

``executor.py`` is what an executor is, ``subprocesses.py`` one on this machine, and ``remote.py``
makes any of them look like the isolated processes of one machine, so that the sweep is the same.
"""

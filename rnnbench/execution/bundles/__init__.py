"""Bundles: trials that travel to another machine as a file, and come back as finished records.

``bundle.py`` is what travels, ``output.py`` what comes back, ``requirements.py`` whether a node can
run it, and ``worker.py`` runs it there. Only the driver writes the store.
"""

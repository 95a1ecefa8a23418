"""The plugin contract: hooks, tasks, cores, options, and the registry that loads plugins."""

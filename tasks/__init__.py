"""Built-in tasks, one per file, grouped by kind, loaded through entry points."""

"""Built-in models, one architecture per file, loaded through entry points."""

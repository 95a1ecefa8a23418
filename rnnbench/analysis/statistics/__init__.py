"""Tests, intervals and estimators on samples, which know no configurations."""

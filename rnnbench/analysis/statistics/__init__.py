"""Tests, intervals and estimators, on plain numbers."""

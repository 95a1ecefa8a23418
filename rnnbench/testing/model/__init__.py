"""Checks of the contract of a model."""

"""Checks of the contract of a task."""

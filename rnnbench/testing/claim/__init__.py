"""Checks of claims."""

"""Synthetic memory tasks."""

"""Formal-language tasks (Deletang et al. 2023)."""

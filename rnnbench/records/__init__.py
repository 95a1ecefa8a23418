"""Specifications, results, the syntax of names, and the store; imports no torch."""

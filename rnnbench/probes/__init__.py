"""Measurements of a network outside training: gradient, speed, size."""

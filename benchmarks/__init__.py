"""Benchmarks: each speed target with its measurement, as a ratio to a bare loop; ``make bench``."""

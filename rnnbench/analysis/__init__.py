"""Statistics and verdicts over records. Free of torch."""

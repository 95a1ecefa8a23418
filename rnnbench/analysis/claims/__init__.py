"""The verdicts on claims, from records alone."""

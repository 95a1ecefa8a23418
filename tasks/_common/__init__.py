"""Parts that tasks of several kinds share."""

"""Speed of a network relative to a comparator, and its peak memory."""

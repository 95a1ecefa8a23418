"""From a request to a list of trials, each with its content hash."""

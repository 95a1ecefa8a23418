"""One process per job: start, poll, stop."""

"""Turn a request or a suite into a list of trial specifications."""

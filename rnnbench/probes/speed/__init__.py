"""How fast a network runs."""

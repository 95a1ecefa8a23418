"""How far the gradient reaches."""

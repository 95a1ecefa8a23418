"""Gradient profiles and Lyapunov exponents: how far back in time a gradient reaches."""

"""The ways in which rows of root tables can cover their fields, by name."""

SAMPLINGS = ("random", "antithetic", "latin-hypercube", "sobol")
"""Independently, or by a design (see `engine.designs`)."""

"""Model to plan: the order of work, what is tabulated, what is conditioned together."""

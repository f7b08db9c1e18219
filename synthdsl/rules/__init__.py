"""Rules: what kinds there are, and whether they can hold together."""

"""Paths through semi-Markov machines: drawn for blocks of entities, and given what they visit."""

"""synthdsl: a small language for synthetic data, and the engine behind it."""

__version__ = "0.1.0"

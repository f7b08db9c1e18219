"""Findings, columns and specs as text, JSON, HTML. Each module renders one thing."""

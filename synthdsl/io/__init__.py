"""Formats, one class each, and the output folder that appears whole or not at all."""

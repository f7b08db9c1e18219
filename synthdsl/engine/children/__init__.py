"""Rows below an entity made so that a rule about them holds, without waiting for rare ones."""

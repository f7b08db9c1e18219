"""Rows that satisfy rules: exact proposals, the choice among them, and the account of it."""

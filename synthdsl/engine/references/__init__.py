"""References: the choice of a row of another table, and what is read of it."""

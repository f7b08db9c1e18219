"""What a value is: types, units, calendar arithmetic, columns of values, sources of draws."""

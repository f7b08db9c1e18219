"""The command line: one module for each command, none of which computes anything itself."""

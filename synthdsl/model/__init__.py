"""Tree to model: names resolved, types and units inferred, every mistake reported."""

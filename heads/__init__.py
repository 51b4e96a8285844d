"""Features, past states and intent in, predictions out; the registry of heads and baselines."""

"""Features, past states and intent in, predictions out."""

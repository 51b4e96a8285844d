"""Caption models."""

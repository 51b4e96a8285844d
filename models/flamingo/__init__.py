"""OpenFlamingo on today's transformers, exact to its published checkpoints."""

"""Runs and texts scored."""

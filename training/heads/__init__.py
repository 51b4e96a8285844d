"""Heads on stored features."""

"""A trained run as a function."""

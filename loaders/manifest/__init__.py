"""Bring your own data: a manifest and picture files beside it."""

"""Conversations as a checkpoint's chat template writes them."""

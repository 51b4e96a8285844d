"""The cue head: which way, at which pace."""

"""Files in, samples out."""

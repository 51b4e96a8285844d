"""Files in, samples out; the registry of data sets."""

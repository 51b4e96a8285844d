"""Pictures in, features out; the registry of encoders."""

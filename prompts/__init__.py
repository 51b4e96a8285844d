"""What is asked and shown, and what a text says."""

"""A submission to the end-to-end driving challenge: which frames, what is written, what the server would refuse."""

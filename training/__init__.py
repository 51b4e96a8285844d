"""What happens to the parts: run configuration, feature extraction, the training loop, evaluation."""

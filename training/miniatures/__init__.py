"""How the shipped miniature SmolVLM2 learns to see: `python -m roadcue.training.miniatures`."""

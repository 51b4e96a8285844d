"""How the shipped miniatures learn to see and to write: `python -m roadcue.training.miniatures`."""

"""How the shipped miniature SmolVLM2 learns to see: `python -m training.pretrain_mini`."""

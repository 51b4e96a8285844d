"""Image-text-to-text models of transformers, of whatever family."""

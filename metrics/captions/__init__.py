"""Texts in, numbers out: words as the Penn Treebank parts them, BLEU, ROUGE-L, CIDEr-D and METEOR."""

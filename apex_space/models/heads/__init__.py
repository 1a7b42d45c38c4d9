"""Embeddings in, scores out: one file for each judge, with `repositories` and `load`."""

"""Heads: embeddings in, scores out. Each judge has its own file with `repositories` and `load`."""

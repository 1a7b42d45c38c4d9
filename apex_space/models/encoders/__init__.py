"""Segments of a waveform in, embeddings out: one file for each encoder; none of them knows of scores."""

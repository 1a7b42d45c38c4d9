"""Encoders: segments of a waveform in, embeddings out. Each encoder has its own file and knows nothing of scores."""

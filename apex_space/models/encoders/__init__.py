"""Encoders: segments of a waveform in, embeddings out. Each encoder has a file of its own and knows nothing of scores.
"""

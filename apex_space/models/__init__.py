"""Segments of a song in, embeddings and then scores out; weights come from the Hub (`hub`)."""

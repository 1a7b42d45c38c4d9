"""Models: encoders turn segments of a song into embeddings, heads turn embeddings into scores.

The weights come from the Hub (`hub`).
"""

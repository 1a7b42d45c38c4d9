"""Trains the Banger head: songs' first embeddings and how often they were played in, a checkpoint for the judge out."""

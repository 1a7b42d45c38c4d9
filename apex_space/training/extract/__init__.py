"""Extracts embeddings: songs and their labels in, a table with a row for each segment out."""

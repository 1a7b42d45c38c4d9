"""Trains checkpoints on songs and their ratings."""

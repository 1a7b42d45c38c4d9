"""Trains the HEAR head: songs' frames of two encoders and their ratings in, a checkpoint for the judges out."""

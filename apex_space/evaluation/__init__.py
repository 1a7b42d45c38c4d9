"""Computes the metrics of the ASAE Challenge from predictions and ratings."""

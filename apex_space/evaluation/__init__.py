"""Predictions and ratings in, the metrics of the ASAE Challenge out."""

"""Predictions held against people's ratings of songs, by the metrics of the ASAE Challenge (ICASSP 2026)."""

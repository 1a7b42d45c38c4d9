"""The public dataset of battles that a preference head is fitted on unless another source is named."""

HUB = "music-arena/music-arena-dataset"
"""Name of the dataset on the Hub."""

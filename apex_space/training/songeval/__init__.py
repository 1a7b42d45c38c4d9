"""Frames of songs and their ratings in; a head of SongEval's architecture, trained by a recipe of our own, out."""

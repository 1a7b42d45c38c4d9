"""Votes on pairs of songs: which pairs are heard, what people voted, how songs are rated and how well judges
predicted it.
"""

"""Ranks many songs, tells how sure the order is, and tells which songs to keep."""

"""Fits a preference head on battles, and measures its accuracy on held-out songs."""

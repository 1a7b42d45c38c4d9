"""Battles in, a preference head and its accuracy on held-out songs out."""

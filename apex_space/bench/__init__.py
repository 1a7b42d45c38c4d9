"""Measures speed and memory of networks and judges on this machine."""

"""Trains the pocket judge and its preference head."""

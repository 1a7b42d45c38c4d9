"""Battles, votes, scores and shared results in a database, and their way out and in again."""

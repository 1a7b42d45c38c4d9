"""Stores battles, votes, scores and shared results in a database, exports and imports votes, copies them to the Hub."""

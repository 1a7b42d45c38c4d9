"""Trains the APEX head: tables of embedded segments and their targets in, a checkpoint that the judge loads out."""

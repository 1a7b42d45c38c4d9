"""Predicts which of two songs people prefer, from a judge's reports on both."""

"""Modules that all other folders use: axes, errors, settings, intervals, tables, text, translation, files, logging."""

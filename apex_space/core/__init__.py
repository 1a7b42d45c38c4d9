"""What every other folder stands on: the axes, errors, settings, intervals, tables, text, translation, files and
logs.
"""

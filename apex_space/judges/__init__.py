"""Judges, which score songs: `load_judge` loads one, `JudgeManager` keeps those of a running server."""

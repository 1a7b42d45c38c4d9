"""What tests share. Importing it sets the environment, before any library reads it."""

import os
import tempfile

PREFIX = "apex-space-tests-"
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
"""A closed port: tests never leave this machine."""
# What the user has downloaded before is no part of a test. Processes that tests start share the folder: they may be
# killed, and would leave theirs behind.
if PREFIX not in os.environ.get("HF_HOME", ""):
    EMPTY = tempfile.TemporaryDirectory(prefix=PREFIX)
    os.environ["HF_HOME"] = EMPTY.name
os.environ["COLUMNS"] = "200"
"""No path is broken over two lines of a message."""

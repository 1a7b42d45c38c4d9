"""What tests share. Importing it sets the environment, before any library reads it."""

import os
import tempfile

EMPTY = tempfile.TemporaryDirectory(prefix="apex-space-tests-")
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
"""A closed port: tests never leave this machine."""
os.environ["HF_HOME"] = EMPTY.name
"""What the user has downloaded before is no part of a test."""
os.environ["COLUMNS"] = "200"
"""No path is broken over two lines of a message."""

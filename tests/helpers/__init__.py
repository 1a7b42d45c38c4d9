"""What tests share. Importing it sets the environment, before any library reads it."""

import os
from pathlib import Path

os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
"""A closed port: tests never leave this machine."""
os.environ["HF_HOME"] = str(Path(__file__).with_name("no-hub"))
"""Nothing is there: what its user has downloaded before is no part of a test."""
os.environ["COLUMNS"] = "200"
"""No path is broken over two lines of a message."""

"""The files in `static/`: templates, scripts and style sheets of the pages."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

STATIC = Path(__file__).parent / "static"
COMMENTS = {".js": re.compile(r"^\s*//.*\n", re.MULTILINE), ".css": re.compile(r"/\*.*?\*/\n?", re.DOTALL)}
"""Comments in scripts, on lines of their own, and in style sheets."""
TEMPLATES = Environment(loader=FileSystemLoader(STATIC), autoescape=True, trim_blocks=True)
"""Templates of pages without Gradio. Their values are escaped unless they are markupsafe.Markup."""


def read_static(name: str) -> str:
    """Return the text of the file `name`, without the comments of a script or a style sheet: pages contain it."""
    text, comments = (STATIC / name).read_text(encoding="utf-8"), COMMENTS.get(Path(name).suffix)
    return comments.sub("", text) if comments else text

"""The files in `static/`: templates, scripts and style sheets of the pages."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"


def read_static(name: str) -> str:
    """Return the text of the file `name`."""
    return (STATIC / name).read_text(encoding="utf-8")

"""Text from outside: made safe for a spreadsheet, a terminal and a page."""

import unicodedata

MAX_NAME_LENGTH = 255
JOINERS = "\u200c\u200d"
"""Without width, but some scripts and emoji are written with them."""


def escape_formula(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def sanitize(text: str, longest: int = MAX_NAME_LENGTH) -> str:
    """A text from outside as one line of visible characters, shortened: nothing in it steers a terminal or turns the
    direction of writing."""
    spaced = "".join(" " if c.isspace() else c for c in text)
    visible = "".join(c for c in spaced if c in JOINERS or not unicodedata.category(c).startswith("C"))
    return visible if len(visible) <= longest else f"{visible[: longest - 1]}…"

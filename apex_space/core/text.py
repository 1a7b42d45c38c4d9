"""Makes text from outside safe for a spreadsheet, a terminal and a page."""

import unicodedata

MAX_NAME_LENGTH = 255
JOINERS = "\u200c\u200d"
"""Characters without width that `sanitize` keeps: some scripts and emoji need them."""


def escape_formula(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def sanitize(text: str, longest: int = MAX_NAME_LENGTH) -> str:
    """Reduce a text from outside to one line of at most `longest` visible characters.

    The result holds nothing that controls a terminal or changes the direction of writing.
    """
    spaced = "".join(" " if c.isspace() else c for c in text)
    visible = "".join(c for c in spaced if c in JOINERS or not unicodedata.category(c).startswith("C"))
    return visible if len(visible) <= longest else f"{visible[: longest - 1]}…"

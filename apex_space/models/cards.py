"""Model cards on the Hub: which may be written, texts from outside in them, and what is said if the Hub refuses."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import ApexSpaceError, WeightsError
from ..core.text import sanitize
from .hub import fetch_files

CARD = "README.md"
MAX_BYTES = 200_000
"""Maximum size of a card that is read."""
LONGEST = 500
"""Maximum length of a text in a card, in characters."""
LICENCE = re.compile(r"[a-z0-9.-]+")
"""What a licence's identifier on the Hub looks like."""


def has_mark(repository: str, commit: str, mark: str) -> bool:
    """Return whether the card of a repository has the line `mark`. Raises WeightsError."""
    folder, _ = fetch_files(repository, commit, [CARD], MAX_BYTES)
    return mark in (folder / CARD).read_text(encoding="utf-8", errors="replace")


@contextmanager
def publishing(repository: str, kind: type[ApexSpaceError]) -> Iterator[None]:
    """Turn an error of the Hub into one of this `kind`."""
    try:
        yield
    except (ConnectionError, WeightsError) as error:
        raise kind(
            "Nothing is published in {repository}: {reason}. HF_TOKEN must be that of someone who may write there.",
            repository=repository,
            reason=error,
        ) from error


def check_licence(licence: str, kind: type[ApexSpaceError]) -> None:
    """Raise an error of this `kind` if `licence` is not an identifier as the Hub has them."""
    if not LICENCE.fullmatch(licence):
        raise kind(f"{licence!r} is no licence's identifier, such as cc-by-nc-4.0.")


def cell(text: str) -> str:
    """Return a text from outside as one line that cannot end a cell, begin a tag or a link."""
    plain = sanitize(text, LONGEST)
    return "".join(f"\\{c}" if c in "\\|<>[]`*_" else c for c in plain)

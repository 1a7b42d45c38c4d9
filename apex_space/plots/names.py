"""Shortens the names of songs so that they fit beside a picture and can still be told apart."""

import re
from collections.abc import Callable, Sequence
from itertools import takewhile

MAX_LABEL_LENGTH = 16
"""Maximum number of characters of a name in the label of its row."""
HALF = MAX_LABEL_LENGTH // 2


def short_names(names: Sequence[str]) -> list[str]:
    """Return the names, each with at most 16 characters.

    If one is longer, the words that all of them begin with are left out, except the last one: `my_song_take_01.wav` and
    `my_song_take_02.wav` become `take_01.wav` and `take_02.wav`. Names that are still too long are cut at their end, at
    their beginning or in the middle, whichever tells all of them apart.
    """
    if max(map(len, names), default=0) <= MAX_LABEL_LENGTH:
        return list(names)
    own = [name[_common(names) :] for name in names]
    cuts: tuple[Callable[[str], str], ...] = (_without_end, _without_beginning, _without_middle)
    ways = [[name if len(name) <= MAX_LABEL_LENGTH else cut(name) for name in own] for cut in cuts]
    return max(ways, key=lambda labels: len(set(labels)))


def _common(names: Sequence[str]) -> int:
    """Return the length of the beginning that all names have in common, without its last whole word."""
    if len(set(names)) < 2:
        return 0
    first, last = min(names), max(names)  # what these two begin with, all names between them do
    alike = "".join(x for x, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    words = list(re.finditer(r"[^\s_.-]+[\s_.-]+", alike))
    return words[-1].start() if words else 0


def _without_end(name: str) -> str:
    return f"{name[: MAX_LABEL_LENGTH - 1].rstrip()}…"


def _without_beginning(name: str) -> str:
    return f"…{name[1 - MAX_LABEL_LENGTH :].lstrip()}"


def _without_middle(name: str) -> str:
    return f"{name[: HALF - 1].rstrip()}…{name[-HALF:].lstrip()}"

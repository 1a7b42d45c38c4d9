"""Translation of all texts for people. The source code is in English; `locales/` has a catalogue per other language.

A catalogue is a JSON file of English text -> translation, named by its language's tag. `{name}` is the placeholder of
a value. A text without a translation stays English.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from .text import Message, approximate_duration

CATALOGUES = Path(__file__).parent / "locales"
ENGLISH = "en"
_LANGUAGE = ContextVar("language", default=ENGLISH)


@cache
def languages() -> dict[str, str]:
    """Return language tag -> the language's name in that language."""
    others = sorted(file.stem for file in CATALOGUES.glob("*.json"))
    return {ENGLISH: "English"} | {tag: _catalogue(tag)["English"] for tag in others}


def language() -> str:
    """Return the tag of the language of the current context."""
    return _LANGUAGE.get()


@contextmanager
def use_language(tag: str) -> Iterator[None]:
    """Use the language `tag` in this context until the `with` block ends."""
    token = _LANGUAGE.set(tag)
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


def tr(text: str, /, **values: Any) -> str:
    """Translate a text of the source code to the current language and fill in its values."""
    return _catalogue(language()).get(text, text).format(**values)


def plural(number: int, one: str, more: str, /, **values: Any) -> str:
    """Translate `one` if `number` is 1, else `more`; `{n}` in either is the number."""
    return tr(one if number == 1 else more, n=f"{number:,}", **values)


def translate(text: str) -> str:
    """Translate a text to the current language: a Message with its values, or another text as a whole.

    A text without a translation is returned as it is.
    """
    if isinstance(text, Message):
        return tr(text.template, **{name: _translated(value) for name, value in text.values.items()})
    return _catalogue(language()).get(text, text)


def format_duration(seconds: float) -> str:
    """Format an approximate duration in the current language: 12.3 -> "about 12 s"."""
    return translate(approximate_duration(seconds))


def _translated(value: Any) -> Any:
    return translate(value) if isinstance(value, str) else value


def best_of(accepted: str) -> str:
    """Return the available language that an Accept-Language header prefers, or English if none is available."""
    wanted = [part.strip().partition(";q=") for part in accepted.lower().split(",")]
    for tag, _, _ in sorted(wanted, key=lambda part: -_quality(part[2])):
        for known in languages():
            if tag.split("-")[0] == known.split("-")[0]:
                return known
    return ENGLISH


def _quality(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0


@cache
def _catalogue(tag: str) -> dict[str, str]:
    return {} if tag == ENGLISH else json.loads((CATALOGUES / f"{tag}.json").read_text(encoding="utf-8"))

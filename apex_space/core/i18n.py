"""Translation of all texts for people. The source code is in English; `locales/` has a catalogue per other language.

A catalogue is a JSON file of English text -> translation, named by its language's tag. `{name}` is the placeholder of
a value. For an f-string of the source code, the placeholders are `{0}`, `{1}` and so on, in the order of the values. A
text without a translation stays English.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

CATALOGUES = Path(__file__).parent / "locales"
ENGLISH = "en"
MAX_LENGTH = 2000
"""Maximum length, in characters, of a text that is matched against the templates with values."""
VALUE = re.compile(r"\{(\w+)[^}]*\}")
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
def speaking(tag: str) -> Iterator[None]:
    """Use the language `tag` in this context until the `with` block ends."""
    token = _LANGUAGE.set(tag)
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


def tr(text: str, **values: Any) -> str:
    """Translate a text of the source code to the current language and fill in its values."""
    return _catalogue(language()).get(text, text).format(**values)


def plural(number: int, one: str, more: str, **values: Any) -> str:
    """Translate `one` if `number` is 1, else `more`; `{n}` in either is the number."""
    return tr(one if number == 1 else more, n=f"{number:,}", **values)


def said(text: str) -> str:
    """Translate a finished English text, such as an error's message, to the current language.

    The text may also be a list of such texts. A text that is not in the catalogue is returned as it is.
    """
    known = _catalogue(language())
    if text in known or not known or len(text) > MAX_LENGTH:
        return known.get(text, text)
    parts = text.split(", ")
    if all(part in known for part in parts):
        return tr(", ").join(known[part] for part in parts)
    for template, translation in _with_values(language()):
        if values := _values(template, text):
            return VALUE.sub(lambda value: said(values[value[1]]), translation)
    return text


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


@cache
def _with_values(tag: str) -> list[tuple[str, str]]:
    """Return the templates with values and their translations, those with the most text beside the values first."""
    texts = [(text, translation) for text, translation in _catalogue(tag).items() if VALUE.search(text)]
    return sorted(texts, key=lambda pair: -len(VALUE.sub("", pair[0])))


def _values(template: str, text: str) -> dict[str, str]:
    """Return name -> value in `text`, or an empty dictionary if `text` does not match `template`.

    Each value is as short as possible. Unlike a regular expression, this search never backtracks, so a hostile text
    takes no time.
    """
    first, *others = VALUE.split(template)
    names, literals = others[::2], others[1::2]
    at, end = len(first), len(text) - len(literals[-1])
    if at > end or not text.startswith(first) or not text.endswith(literals[-1]):
        return {}
    values: dict[str, str] = {}
    for name, literal in zip(names, (*literals[:-1], None), strict=True):
        found = end if literal is None else text.find(literal, at, end)
        if found < 0 or values.setdefault(name, text[at:found]) != text[at:found]:
            return {}
        at = found + len(literal or "")
    return values

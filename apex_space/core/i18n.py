"""What people read, in their language. The sources speak English; `languages/` has one catalogue for each other one.

A catalogue is a file of JSON, named by its language's tag: English text -> translation. `{name}` stands for a value;
where the text is an f-string of the sources, values are `{0}`, `{1}` and so on, in their order. A text without a
translation stays English.
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
"""Characters of a text that is looked for among those with values in them."""
VALUE = re.compile(r"\{(\w+)[^}]*\}")
_LANGUAGE = ContextVar("language", default=ENGLISH)


@cache
def languages() -> dict[str, str]:
    """Tag -> the language's own name."""
    others = sorted(file.stem for file in CATALOGUES.glob("*.json"))
    return {ENGLISH: "English"} | {tag: _catalogue(tag)["English"] for tag in others}


def language() -> str:
    """The tag of the one that is spoken here and now."""
    return _LANGUAGE.get()


@contextmanager
def speaking(tag: str) -> Iterator[None]:
    """Speak it, in this context, until the `with` ends."""
    token = _LANGUAGE.set(tag)
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


def tr(text: str, **values: Any) -> str:
    """A text of the sources in the language that is spoken, with its values."""
    return _catalogue(language()).get(text, text).format(**values)


def plural(number: int, one: str, more: str, **values: Any) -> str:
    """`one` or `more`, each with `{n}` for the number."""
    return tr(one if number == 1 else more, n=f"{number:,}", **values)


def said(text: str) -> str:
    """A text that came about in English, as an error's message, in the language that is spoken, or a list of such
    texts; as it is where it is none of the catalogue's."""
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
    """The language that an Accept-Language header asks for, of those that are spoken; English where it is none."""
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
    """The texts with values in them, those that say most beside them first."""
    texts = [(text, translation) for text, translation in _catalogue(tag).items() if VALUE.search(text)]
    return sorted(texts, key=lambda pair: -len(VALUE.sub("", pair[0])))


def _values(template: str, text: str) -> dict[str, str]:
    """Name -> what stands for it in `text`; empty where that is no such text. Each is as short as it can be: unlike a
    regular expression this never goes back, so that a hostile text takes no time."""
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

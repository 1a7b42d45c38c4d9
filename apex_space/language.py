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

CATALOGUES = Path(__file__).parent / "languages"
ENGLISH = "en"
LONGEST = 2000
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
    """A text that came about in English, as an error's message, in the language that is spoken; as it is where it is
    none of the catalogue's."""
    known = _catalogue(language())
    if text in known or not known or len(text) > LONGEST:
        return known.get(text, text)
    for pattern, translation in _patterns(language()):
        if found := pattern.fullmatch(text):
            return _filled(translation, found)
    return text


def _filled(translation: str, found: re.Match[str]) -> str:
    """Values are put in as they were found, but for those that are texts of the catalogue themselves."""
    return VALUE.sub(lambda value: said(found[f"_{value[1]}"]), translation)


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
def _patterns(tag: str) -> list[tuple[re.Pattern[str], str]]:
    """Of the texts with values, those that say most beside them first."""
    texts = [(text, translation) for text, translation in _catalogue(tag).items() if VALUE.search(text)]
    texts.sort(key=lambda pair: -len(VALUE.sub("", pair[0])))
    return [(_pattern(text), translation) for text, translation in texts]


def _pattern(text: str) -> re.Pattern[str]:
    literals, names, seen = VALUE.split(text)[::2], VALUE.split(text)[1::2], set[str]()
    parts = [re.escape(literals[0])]
    for name, literal in zip(names, literals[1:], strict=True):
        parts += [f"(?P=_{name})" if name in seen else f"(?P<_{name}>.*?)", re.escape(literal)]
        seen.add(name)
    return re.compile("".join(parts), re.DOTALL)

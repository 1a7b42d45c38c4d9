"""Texts: messages that can be translated, and text from outside made safe for a spreadsheet, a terminal and a page."""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

MAX_NAME_LENGTH = 255
JOINERS = "\u200c\u200d"
"""Characters without width that are kept: some scripts and emoji need them."""
TAGS = "".join(map(chr, range(0xE0020, 0xE0080)))
"""Characters without width that flags of regions are made of."""
BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and a symbol that fonts draw as nothing."""
IGNORED = range(0xE0000, 0xE1000)
"""Code points that are never drawn by themselves, such as tags."""


class Message(str):
    """An English text, with the template that it was made of and the template's values.

    It is a string everywhere; `i18n.translate` makes a text of another language from the template and the values. A
    value may be a Message, too.
    """

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, values: Mapping[str, Any]) -> "Message":
        text = super().__new__(cls, template.format(**values))
        text.template, text.values = template, values
        return text

    def __str__(self) -> "Message":
        """Keep the template where an exception or `str` asks for the text."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Message, (self.template, dict(self.values))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, of which `from_dict` makes the message again."""
        values = {name: _plain(value) for name, value in self.values.items()}
        return {"template": self.template, "values": values}

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> "Message":
        """Return the message of which `as_dict` made this."""
        values = {name: Message.from_dict(v) if isinstance(v, dict) else v for name, v in plain["values"].items()}
        return Message(plain["template"], values)


def message(template: str, /, **values: Any) -> Message:
    """Return a text that can be translated: `template` with its values."""
    return Message(template, {name: _text(value) for name, value in values.items()})


def join(texts: Iterable[str], template: str = "{first}, {second}") -> str:
    """Return a list of one or more texts, each of which is translated by itself."""
    return reduce(lambda first, second: message(template, first=first, second=second), texts)


def approximate_duration(seconds: float) -> Message:
    """Format a duration: 12.3 -> "about 12 s", 250 -> "about 4 min"."""
    if seconds < 90:
        return message("about {n} s", n=max(1, round(seconds)))
    return message("about {n} min", n=round(seconds / 60))


def _text(value: Any) -> Any:
    """Return the message of an error, and anything else as it is."""
    return str(value) if isinstance(value, Exception) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return value.as_dict()
    return value if isinstance(value, int | float) else str(value)


def first_line(error: BaseException) -> str:
    """Return the kind of a library's error and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def printable(text: str) -> str:
    """Return a text from outside with what would control a terminal or the direction of writing as escapes.

    For example, ESC becomes `\\x1b`. Nothing is left out, so that a file can be found again by its name. A byte of a
    name that is not UTF-8 is an escape, too.
    """
    return "".join(_escape(c) if _controls(c) else c for c in text)


def _controls(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind in ("Cc", "Cs", "Zl", "Zp") or (kind == "Cf" and not (character in JOINERS or character in TAGS))


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that Python could not decode
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def sanitize(text: str, longest: int = MAX_NAME_LENGTH) -> str:
    """Reduce a text from outside to one line of at most `longest` visible characters.

    The result holds nothing that controls a terminal or changes the direction of writing. It is empty if it would show
    nothing.
    """
    spaced = "".join(" " if c.isspace() else c for c in text)
    visible = "".join(c for c in spaced if not _controls(c))
    if not shows(visible):
        return ""
    return visible if len(visible) <= longest else f"{visible[: longest - 1]}…"


def shows(text: str) -> bool:
    """Return whether a text shows anything: a character that is neither blank nor only changes its neighbours."""
    return not all(c.isspace() or c in BLANKS or ord(c) in IGNORED or _changes(c) for c in text)


def _changes(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Mn", "Me")


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds: 61.5 -> 1:01."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def minus(number: str) -> str:
    """Return a formatted number with a minus sign instead of a hyphen."""
    return number.replace("-", "−")

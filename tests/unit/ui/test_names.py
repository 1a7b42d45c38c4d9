"""Names from outside are text: shown on one line, never executed, never a path. Tags are not read at all."""

import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space.audio.waveform import load_song
from apex_space.core.text import JOINERS, MAX_NAME_LENGTH, TAGS, printable, sanitize
from apex_space.judges.judge import Judge
from apex_space.judges.loading import load_judge
from apex_space.judges.panel import Panel
from apex_space.ui import render
from helpers import melodies

MARKUP = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>"
HOSTILE = [
    MARKUP,
    "../../../etc/passwd",
    "..\\..\\boot.ini",
    "/etc/shadow",
    "\x1b[2J\x1b[31m\x9b1mred\x07\b\0.mp3",
    "two\r\nlines\u2028and\u2029more\t.mp3",
    "song\u202e3pm.exe\u2066\u200f",
    "x" * 10_000,
    "{file} %s ${7*7} {{7*7}} =1+1",
    "\ud800\udcff",
    "",
]


@given(st.text(st.characters(codec=None)))
def test_a_shown_name_is_one_line_of_visible_text(name: str) -> None:
    text = sanitize(name)
    assert len(text) <= MAX_NAME_LENGTH
    steering = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert steering <= {*JOINERS, *TAGS}
    assert sanitize(text) == text
    text.encode()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Glass Morning (final  mix).mp3", "Glass Morning (final  mix).mp3"),
        ("二胡 – Ünïcode \u05d0\u05d1.ogg", "二胡 – Ünïcode \u05d0\u05d1.ogg"),
        ("می\u200cخواهم.mp3", "می\u200cخواهم.mp3"),
        ("a\tb\nc\u2028d", "a b c d"),
        ("\u202egpj.exe\u2066", "gpj.exe"),
        ("\u200bm\u200fy s\ufeffong", "my song"),
        ("玻璃的早晨 🎹", "玻璃的早晨 🎹"),
        ("\ud800lone", "lone"),
        ("\x1b[31mred\x07", "[31mred"),
        (MARKUP, MARKUP),
        ("../../etc/passwd", "../../etc/passwd"),
        ("x" * 10_000, "x" * 254 + "…"),
        ("\U000e0041\U000e0042 \U000e007f", ""),
        ("\u200d\u3164\u115f\ufe0f\u2800\u034f\U000e0100", ""),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴\U000e0067\U000e0062\U000e007f"),
    ],
)
def test_shown_names(name: str, text: str) -> None:
    assert sanitize(name) == text


@given(st.text(st.characters(codec=None)))
def test_a_printable_name_loses_nothing(name: str) -> None:
    text = printable(name)
    steering = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert steering <= {*JOINERS, *TAGS}
    assert printable(text) == text
    assert len(text) >= len(name)
    text.encode()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("\x1b[31mred\x07.wav", r"\x1b[31mred\x07.wav"),
        ("two\nlines\u2028.wav", r"two\x0alines\u2028.wav"),
        ("caf\udce9.wav", r"caf\xe9.wav"),
        (
            "\U000e0001tag\U0001fae8 \U0001f3f4\U000e0067\U000e007f.wav",
            "\\U000e0001tag\U0001fae8 \U0001f3f4\U000e0067\U000e007f.wav",
        ),
        ("x" * 10_000, "x" * 10_000),
    ],
)
def test_printable_names(name: str, text: str) -> None:
    assert printable(name) == text


@pytest.fixture(scope="module")
def judge() -> Judge:
    return load_judge("pocket")


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds whose every tag is hostile."""
    tags = dict.fromkeys(("title", "artist", "album", "comment", "genre", "composer"), f"Telltale {MARKUP}")
    path = melodies.write_tagged(tmp_path_factory.mktemp("song") / "song.mp3", 1, **tags)
    assert path.read_bytes().count(b"Telltale") > 4
    return path


class Reader(HTMLParser):
    """Collects a page's elements, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_in_the_report_and_on_the_page(judge: Judge, song: Path, name: str) -> None:
    report = judge(load_song(song), name=name)
    assert report.file == printable(name)
    json.dumps(report.as_dict(), ensure_ascii=False).encode()
    panel = Panel((report,), {})
    pages = [
        render.cards(report) + render.tables(report) + render.downloads(report),
        render.panel(panel) + render.panel_tables(panel) + render.panel_links(panel),
    ]
    for page in map(Reader, pages):
        assert page.text.count(report.file) > 0
        assert page.tags.isdisjoint({"img", "script", "iframe"})
        assert not [attribute for attribute, _ in page.attributes if attribute.startswith("on")]
        saved_as = [value for attribute, value in page.attributes if attribute == "download"]
        assert saved_as
        assert all(re.fullmatch(r"\w[\w-]{0,60}(\.\w+)+", value) for value in saved_as), saved_as


def test_tags_are_not_read(judge: Judge, song: Path) -> None:
    report = judge(song)
    assert report.file == "song.mp3"
    told = json.dumps(report.as_dict()) + render.cards(report) + render.tables(report) + render.downloads(report)
    assert "Telltale" not in told

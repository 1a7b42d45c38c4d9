"""What can be taken along of a report: one page to print, and a picture to share."""

import base64
import io
import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from PIL import Image

from apex_space import plots
from apex_space.core.axes import KEYS
from apex_space.core.i18n import use_language
from apex_space.judges.report import Report, Segment
from apex_space.judges.windows import Windows
from apex_space.models.hub import Weights
from apex_space.ui.previews import FONTS
from apex_space.ui.render.take_along import MAX_ROWS, printed, take_along
from helpers.chinese import latin
from helpers.results import SECRET, report

ADDRESS = "https://space.example"
HOSTILE = "</title></h1><script>alert(1)</script><img src=x onerror=alert(2)>.mp3"


def long_report(**options: Any) -> Report:
    """Of a song of 14 segments, by the weights of which reference songs are known."""
    scores = dict.fromkeys(KEYS) | {"likes": 57.25, "musicality": 3.36, "clarity": 2.5}
    parts = tuple(Segment(30.0 * n, 30.0 * n + 30, scores | {"clarity": 2.0 + n % 2}) for n in range(14))
    windows = Windows(30.0, 30.0, {"clarity": tuple(part.scores["clarity"] or 0.0 for part in parts)})
    made = {"version": "1.2.3", "made": "2026-11-30T09:05:00+00:00", "windows": windows}
    return report(**{"scores": scores, "segments": parts, "duration": 420.0, **made, **options})


def words(page: str) -> list[str]:
    """What one reads, and what is said of pictures."""
    said = re.findall('aria-label="([^"]*)"', page)
    page = re.sub("<style>.*?</style>", "", page, flags=re.DOTALL)
    return [*map(unescape, said), *(unescape(text).strip() for text in re.findall(">([^<]+)<", page))]


def test_every_figure_is_on_the_page_with_how_far_it_can_be_trusted() -> None:
    page = " ".join(words(printed(long_report(), ADDRESS)))
    for text in (
        *(SECRET, "2026-11-30 09:05 UTC", "Pocket: a quick preview", "not APEX", "APEX Space 1.2.3", ADDRESS),
        *("57", "/ 100", "± 33", "3.36", "/ 5", "± 0.33", "no play counts to learn from", "80% interval"),
        *("Highest: Musicality, 3.36 of 5. Lowest: Clarity, 2.50 of 5.", "from 2.00 to 3.00", "0:30–1:00", "by chance"),
        *("−14.1 LUFS", "−1.9 dBFS", "120 or", "A minor", "18.0 kHz", "TIDAL 0.0 dB", "None is a song of today"),
        *("sha256 cef15a4078cc", "It is wrong about many songs.", "verified on"),
    ):
        assert text in page.replace("120 beats", "120 or beats"), text
    assert "nobody has verified" not in page


def test_weights_from_unverified_files_and_a_judge_without_reference_are_said_to_be_so() -> None:
    files, published = (Weights("a/b", revision) for revision in ("local file b.pt, sha256 0123", "0123456789" * 4))
    page, of_the_hub = (
        " ".join(words(printed(long_report(judge="apex", weights=(each,), spread={})))) for each in (files, published)
    )
    for text in ("files that nobody has verified", "There is no reference for APEX", "not known how exact APEX’s"):
        assert text in page
    assert "nobody has verified" not in of_the_hub
    assert "Verified: not verified here" in of_the_hub
    known, unknown = (plots.card("x", [report(judge="apex", weights=(each,))], FONTS) for each in (published, files))
    assert known != unknown


def test_a_long_song_has_no_more_rows_than_fit() -> None:
    page = printed(long_report())
    assert "Means of 2 segments each" in page
    (table,) = re.findall(r"<caption>Means.*?</table>", page, re.DOTALL)
    rows = re.findall("<tr>(.*?)</tr>", table)[1:]
    assert len(rows) == 7 <= MAX_ROWS
    assert rows[0].startswith('<th scope="row">0:00–1:00</th>')
    assert rows[0].endswith("<td>2.50</td>")


def test_a_page_is_in_chinese() -> None:
    with use_language("zh-CN"):
        page = printed(long_report(file="folk.ogg", missing={}))
    assert '<html lang="zh-CN">' in page
    assert latin(words(page), "folk.ogg", "Pocket · APEX Space", "1.2.3") == []


def test_nothing_of_a_songs_name_is_run_and_nothing_is_loaded() -> None:
    page = printed(report(file=HOSTILE), '"><script>')
    assert "<script" not in page
    assert "<img" not in page
    assert HOSTILE in unescape(page)
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=", page.replace("src=x onerror", ""))


def test_links_hold_the_pages_and_the_picture() -> None:
    apex = replace(report(), judge="apex")
    links = take_along([report(), apex], ADDRESS)
    assert re.findall('download="([^"]*)"', links) == [f"diary_of_a_fugitive.{end}" for end in ENDINGS]
    assert "Printable report: APEX</a>" in links
    page, _, picture = map(base64.b64decode, re.findall('base64,([^"]*)"', links))
    assert page.decode() == printed(report(), ADDRESS)
    assert Image.open(io.BytesIO(picture)).size == (1200, 630)
    assert ">Printable report</a>" in take_along([report()], ADDRESS)
    assert take_along([], ADDRESS) == ""


ENDINGS = ("pocket.html", "apex.html", "png")


@pytest.mark.parametrize("written", [True, False])
def test_a_picture_is_in_chinese_where_a_font_can_write_it(written: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(FONTS), "can_write", lambda *_: written)
    english = plots.card("x", [report()], FONTS)
    with use_language("zh-CN"):
        assert (plots.card("x", [report()], FONTS) != english) == written

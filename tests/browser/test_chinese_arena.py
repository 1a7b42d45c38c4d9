"""Rank, Arena and Leaderboard in Chinese, with songs, votes and refusals."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from apex_space.arena.pool_sources import from_examples
from apex_space.core.i18n import translate, use_language
from helpers.browser import rank_by
from helpers.chinese import english
from helpers.melodies import write_silence
from helpers.paths import EXAMPLES
from helpers.songs import short
from helpers.votes import MAKERS, MARKUP, SONGS

EXAMPLE_TITLES = [row["title"] for row in json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))]
GENERATORS = (
    *(f"maker{n}" for n in range(MAKERS)),
    *(candidate.generator for candidate in from_examples(damaged=True)),
)
NAMED = (*EXAMPLE_TITLES, *GENERATORS, MARKUP)
CUT = [f"{name[:length].rstrip()}…" for name in NAMED for length in range(3, len(name))]
"""Long names as pictures show them."""
RATED = (*(f"Title {n}" for n in range(SONGS)), *NAMED, *CUT, "Bradley-Terry", "revision")
"""Names, among them that of the weights by which the votes were predicted."""
KEYS = ("T", "X", "N", "R", "Z")
BATCH = ("zip", "file", "group", "aac", "KB", "B", "pocket", "folk.ogg", "folk", "letter.mp3", "letter", "silence.wav")
FILES = ("silence", "groups.csv", "groups", ".csv")
pytestmark = pytest.mark.thorough


def test_rank_and_listening_blind(chinese: Any, tmp_path: Path) -> None:
    page = chinese("/rank", "排名")
    page.get_by_label("保留最好的几首").fill("0")
    rank = page.locator("button.primary")
    rank.click()
    page.get_by_role("alert").filter(has_text="请先选择歌曲。 请至少保留一首。").wait_for()
    assert english(page, *BATCH) == []
    (tmp_path / "letter.mp3").write_text("Dear listener")
    (tmp_path / "groups.csv").write_text("file,group\nfolk.ogg,民谣\n")
    songs = [
        short("folk.ogg"),
        short("waltz.ogg"),
        short("lofi.ogg"),
        tmp_path / "letter.mp3",
        write_silence(tmp_path / "silence.wav"),
    ]
    page.locator("#songs input[type=file]").set_input_files(songs)
    page.locator("#groups input[type=file]").set_input_files(tmp_path / "groups.csv")
    rank_by(page, "音乐性")
    for given in ("#songs", "#groups"):
        page.locator(f"{given} .file-preview").wait_for()
    page.get_by_label("保留最好的几首").fill("1")
    rank.click()
    page.get_by_role("link", name="JSON 排名结果").wait_for(timeout=120_000)
    page.locator("#spread-plot .xtick").first.wait_for()
    page.locator("#ranked tbody button").first.click()
    page.locator("#ranked input").fill("folk")
    names = (*BATCH, *FILES, "waltz.ogg", "waltz", "lofi.ogg", "lofi")
    assert english(page, *names) == []
    page.locator("#ranked input").fill("")
    assert english(page, *names) == []
    assert page.locator("#by").get_by_label("播放量").count() == 0
    page.get_by_role("button", name="盲听这些歌曲").click()
    for button in ("两首差不多", "A 更好"):
        assert english(page, *names) == []
        page.get_by_role("button", name=button).click()
    while page.locator("#blind .pair").is_visible():
        page.get_by_role("button", name="A 更好").click()
    assert page.locator("#blind .status").inner_text().startswith("在 ")
    assert english(page, *names) == []


def test_leaderboard(chinese: Any) -> None:
    """Before a vote brings other songs onto it."""
    page = chinese("/leaderboard", "嵌入 ▼")
    page.locator("caption", has_text="按生成模型的一致率").scroll_into_view_if_needed(timeout=60_000)
    page.locator("#calibration-plot .xtick").first.wait_for()
    assert english(page, *RATED) == []


def test_arena(chinese: Any) -> None:
    page = chinese("/arena", "播放歌曲 A")
    status = page.locator("#battle .status")
    for key, said in (
        ("", "请播放两首歌曲"),
        ("a", "请先听歌曲 A"),
        ("ArrowLeft", "歌曲 A 已听"),
        ("ArrowRight", "两首都已听"),
    ):
        if key:
            page.keyboard.press(key)
        status.filter(has_text=said).wait_for()
        assert english(page, *KEYS) == []
    page.keyboard.press("b")
    status.filter(has_text="你更喜欢 B。").wait_for()
    told = page.locator("#battle .name :is(b, p, small + small, b + small)").all_inner_texts()
    with use_language("zh-CN"):
        assert {translate(title) for title in EXAMPLE_TITLES} & {*told}
    assert not {*EXAMPLE_TITLES} & {*told}
    assert english(page, *KEYS, *told) == []


def test_ones_own_songs(chinese: Any, tmp_path: Path) -> None:
    page = chinese("/arena", "播放歌曲 A")
    page.get_by_role("button", name="你自己的两首歌曲").click()
    start = page.get_by_role("button", name="开始对决")
    start.click()
    page.get_by_text("请选择一首歌曲。").first.wait_for()
    expect(page.locator("#battle .play").first).to_be_enabled(timeout=60_000)  # the server prepares its songs
    assert english(page, *KEYS) == []
    for song in (short("folk.ogg"), write_silence(tmp_path / "silence.wav")):
        for place in ("first", "second"):
            field = page.locator(f"#own-{place} input[type=file]")
            field.set_input_files(song)
            field.wait_for(state="detached")
        start.click()
        page.locator("p.error", has_text="同一首" if song.stem == "folk" else "第一首歌曲：").wait_for(timeout=60_000)
        assert english(page, *KEYS, song.name) == []
        assert page.locator("#battle .play").first.is_enabled(), "the battle on the page goes on"
        for place in ("first", "second"):
            page.locator(f"#own-{place}").get_by_role("button", name="清除").click()

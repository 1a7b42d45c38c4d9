"""Rank, Arena and Leaderboard in Chinese, with songs, votes and refusals."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_language_pages import chinese, english, silence  # noqa: F401
from test_leaderboard_page import cast
from test_page import EXAMPLES, Server, browser, start  # noqa: F401
from voting import MAKERS, sigmoid, simulate

from apex_space.arena.store import FILE, Store
from apex_space.plots.arena import MOST_ROWS

pytestmark = pytest.mark.slow
SONGS = MOST_ROWS + 1
RATED = (*(f"Title {n}" for n in range(SONGS)), *(f"maker{n}" for n in range(MAKERS)), "Bradley-Terry")
KEYS = ("T", "X", "N")
BATCH = ("zip", "file", "group", "aac", "KB", "B", "pocket", "folk.ogg", "folk", "letter.mp3", "letter", "silence.wav")
FILES = ("silence", "groups.csv", "groups", ".csv")
Opens = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With votes on its leaderboard."""
    folder = tmp_path_factory.mktemp("server")
    with closing(Store(f"sqlite:///{folder / FILE}")) as store:
        cast(store, simulate(np.linspace(-2, 2, SONGS), 300, ties=0.1, judge=sigmoid))
    yield from start(folder, APEX_DATA=str(folder))


def test_rank(chinese: Opens, tmp_path: Path) -> None:  # noqa: F811
    page = chinese("rank", "排名")
    page.get_by_label("保留最好的几首").fill("0")
    rank = page.locator("button.primary")
    rank.click()
    page.get_by_text("请先选择歌曲。").wait_for()
    page.get_by_text("请至少保留一首。").wait_for()
    assert english(page, *BATCH) == []
    (tmp_path / "letter.mp3").write_text("Dear listener")
    (tmp_path / "groups.csv").write_text("file,group\nfolk.ogg,民谣\n")
    songs = [EXAMPLES / "folk.ogg", EXAMPLES / "waltz.ogg", tmp_path / "letter.mp3", silence(tmp_path / "silence.wav")]
    page.locator("#songs input[type=file]").set_input_files(songs)
    page.locator("#groups input[type=file]").set_input_files(tmp_path / "groups.csv")
    for given in ("#songs", "#groups"):
        page.locator(f"{given} .file-preview").wait_for()
    page.get_by_label("保留最好的几首").fill("1")
    rank.click()
    page.get_by_role("link", name="JSON 排名结果").wait_for(timeout=120_000)
    page.locator("#spread-plot .xtick").first.wait_for()
    page.locator("#ranked tbody button").first.click()
    page.locator("#ranked input").fill("folk")
    names = (*BATCH, *FILES, "waltz.ogg", "waltz")
    assert english(page, *names) == []
    page.locator("#ranked input").fill("")
    assert english(page, *names) == []
    page.get_by_label("播放量").check()
    rank.click()
    page.locator("p.error", has_text="不预测播放量").wait_for()
    assert english(page, *names) == []


def test_leaderboard(chinese: Opens) -> None:  # noqa: F811
    """Before a vote brings other songs onto it."""
    page = chinese("arena", "播放歌曲 A")
    page.get_by_role("link", name="排行榜", exact=True).click()
    page.locator("#calibration-plot .xtick").first.wait_for(timeout=60_000)
    page.locator("caption", has_text="按生成模型的一致率").wait_for()
    page.get_by_text(f"{SONGS} 个中的前 {MOST_ROWS} 个").wait_for()
    assert english(page, *RATED) == []


def test_arena(chinese: Opens) -> None:  # noqa: F811
    page = chinese("arena", "播放歌曲 A")
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
    rows = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    told = page.locator("#battle .name :is(b, p, small + small, b + small)").all_inner_texts()
    assert {row["title"] for row in rows} & {*told}
    assert english(page, *KEYS, *told) == []


def test_ones_own_songs(chinese: Opens, tmp_path: Path) -> None:  # noqa: F811
    page = chinese("arena", "播放歌曲 A")
    page.get_by_role("button", name="你自己的两首歌曲").click()
    start = page.get_by_role("button", name="开始对决")
    start.click()
    page.get_by_text("请选择一首歌曲。").first.wait_for()
    assert english(page, *KEYS) == []
    for song in (EXAMPLES / "folk.ogg", silence(tmp_path / "silence.wav")):
        for place in ("first", "second"):
            field = page.locator(f"#own-{place} input[type=file]")
            field.set_input_files(song)
            field.wait_for(state="detached")
        start.click()
        page.locator("p.error", has_text="同一首" if song.stem == "folk" else "第一首歌曲：").wait_for(timeout=60_000)
        assert english(page, *KEYS, song.name) == []
        for place in ("first", "second"):
            page.locator(f"#own-{place}").get_by_role("button", name="清除").click()

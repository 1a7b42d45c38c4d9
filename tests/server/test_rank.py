"""Ranking many songs through gradio's client."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from gradio_client import handle_file

from helpers.melodies import write
from helpers.server import MAX_BATCH, Running
from helpers.songs import short
from helpers.wait import until

SONGS = "bossa.ogg", "folk.ogg", "house.ogg", "lofi.ogg"


@pytest.fixture(scope="module")
def ask(client: Any) -> Any:
    """The public endpoint: files and options in, the JSON out."""

    def rank(songs: list[Path], *options: Any) -> Any:
        return client.predict([handle_file(song) for song in songs], *options, api_name="/rank")

    return rank


def test_the_client_gets_the_command_lines_ranking_and_nothing_stays(ask: Any, server: Running, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "ranked.zip", "w") as made:
        for song in map(short, SONGS[:3]):
            made.write(song, f"../{song.name}")
        made.writestr("letter.mp3", "Dear listener")
    groups = tmp_path / "ranked.csv"
    groups.write_text(f"file,group\n{SONGS[0]},=One\n")
    ranking = ask([tmp_path / "ranked.zip", short(SONGS[3])], "pocket", "preference", 2, handle_file(groups))
    assert (ranking["judge"], ranking["by"], ranking["keep"]) == ("pocket", "preference", 2)
    rows = {row["file"]: row for row in ranking["rows"]}
    assert rows.keys() == {*SONGS, "letter.mp3"}
    assert "not a sound file" in rows["letter.mp3"]["error"]
    assert rows[SONGS[0]]["group"] == "=One"
    assert sum(row["kept"] for row in ranking["rows"]) == 2
    by_default = ask([*map(short, SONGS[:2])])
    assert (by_default["by"], by_default["keep"], by_default["judge"]) == ("preference", 5, "pocket")
    until(lambda: not (server.uploads("ranked") or server.uploads("tmp")), seconds=10)


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"no zip", (), "damaged, or is none"),
        (None, ("pocket", "streams"), "does not predict streams"),
        (None, ("apex",), "APEX"),
        (None, ("panel",), "400"),
        (None, ("pocket", "likes", 0), "400"),
    ],
)
def test_the_client_gets_reasons(
    ask: Any, server: Running, tmp_path: Path, content: bytes | None, options: tuple[Any, ...], words: str
) -> None:
    (tmp_path / "x.zip").write_bytes(content or b"")
    with pytest.raises(Exception, match=words):
        ask([tmp_path / "x.zip"] if content else [short(SONGS[0])], *options)


def test_a_batch_has_a_limit(ask: Any, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=f"at most {MAX_BATCH} are ranked at once"):
        ask([write(tmp_path / f"{i}.wav", i, seconds=0.5, rate=8_000) for i in range(MAX_BATCH + 1)])
    with ZipFile(tmp_path / "songs.zip", "w") as made:
        for i in range(MAX_BATCH + 1):
            made.writestr(f"{i}.wav", b"x")
    with pytest.raises(Exception, match=f"There are more than {MAX_BATCH} songs"):
        ask([tmp_path / "songs.zip"])


def rank(page: Any) -> None:
    page.get_by_role("button", name="Rank", exact=True).click()
    finished(page)


def finished(page: Any) -> None:
    page.get_by_role("link", name="Ranking as JSON").wait_for(timeout=120_000)

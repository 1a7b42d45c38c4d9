"""Many songs ranked over HTTP and in a real browser."""

import csv
import io
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from melodies import write
from test_page import EXAMPLES, Server, _wait_for, browser, start  # noqa: F401
from visiting import visits

from apex_space.ui.uploads import GRACE_SECONDS

SONGS = [song for song in sorted(EXAMPLES.glob("*.ogg")) if "damaged" not in song.name][:4]
MARKUP = "<img src=x onerror=document.title='owned'>.ogg"
BATCH = 12


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start(tmp_path_factory.mktemp("server"), APEX_BATCH=str(BATCH), GRADIO_IS_E2E_TEST="1")


@pytest.fixture
def ask(server: Server) -> Iterator[Any]:
    """The public endpoint: files and options in, the JSON out."""
    from gradio_client import Client, handle_file

    client = Client(server.url, verbose=False)

    def rank(songs: list[Path], *options: Any) -> Any:
        return client.predict([handle_file(song) for song in songs], *options, api_name="/rank")

    yield rank
    client.close()


def nothing_left(server: Server, *names: str) -> None:
    left = [path.name for path in server.uploads.rglob("*") if path.name.startswith(("rank-", "tmp", *names))]
    assert not left


def test_the_client_gets_the_command_lines_ranking_and_nothing_stays(ask: Any, server: Server, tmp_path: Path) -> None:
    from gradio_client import handle_file

    with ZipFile(tmp_path / "songs.zip", "w") as made:
        for song in SONGS[:3]:
            made.write(song, f"../{song.name}")
        made.writestr("letter.mp3", "Dear listener")
    (tmp_path / "groups.csv").write_text(f"file,group\n{SONGS[0].name},=One\n")
    ranking = ask([tmp_path / "songs.zip", SONGS[3]], "pocket", "preference", 2, handle_file(tmp_path / "groups.csv"))
    assert (ranking["judge"], ranking["by"], ranking["keep"]) == ("pocket", "preference", 2)
    rows = {row["file"]: row for row in ranking["rows"]}
    assert rows.keys() == {*(song.name for song in SONGS), "letter.mp3"}
    assert "not a sound file" in rows["letter.mp3"]["error"]
    assert rows[SONGS[0].name]["group"] == "=One"
    assert sum(row["kept"] for row in ranking["rows"]) == 2
    by_default = ask(SONGS[:2])
    assert (by_default["by"], by_default["keep"], by_default["judge"]) == ("preference", 5, "pocket")
    given = ("songs.zip", "groups.csv", *(song.name for song in SONGS))
    _wait_for(lambda: nothing_left(server, *given), seconds=GRACE_SECONDS + 5)


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
    ask: Any, server: Server, tmp_path: Path, content: bytes | None, options: tuple[Any, ...], words: str
) -> None:
    (tmp_path / "x.zip").write_bytes(content or b"")
    with pytest.raises(Exception, match=words):
        ask([tmp_path / "x.zip"] if content else SONGS[:1], *options)


def test_a_batch_has_a_limit(ask: Any, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=f"at most {BATCH} are ranked at once"):
        ask([write(tmp_path / f"{i}.wav", i) for i in range(BATCH + 1)])
    with ZipFile(tmp_path / "songs.zip", "w") as made:
        for i in range(BATCH + 1):
            made.writestr(f"{i}.wav", b"x")
    with pytest.raises(Exception, match=f"More than {BATCH} songs"):
        ask([tmp_path / "songs.zip"])


@pytest.fixture
def visit(browser: Any, server: Server) -> Iterator[Any]:  # noqa: F811
    with visits(browser, f"{server.url}/rank", "Rank") as open_page:
        yield open_page


def put(page: Any, songs: list[Path]) -> None:
    page.locator("#songs input[type=file]").set_input_files(songs)
    for song in songs:
        page.locator("#songs .file-preview").get_by_text(song.stem, exact=False).first.wait_for()


def rank(page: Any) -> None:
    page.get_by_role("button", name="Rank", exact=True).click()
    finished(page)


def finished(page: Any) -> None:
    page.get_by_role("link", name="Ranking as JSON").wait_for(timeout=120_000)


def column(page: Any, number: int) -> list[str]:
    return [row.locator("th, td").nth(number).inner_text() for row in page.locator("#ranked tbody tr").all()]


@pytest.mark.slow
def test_songs_on_the_page_get_a_table_pictures_files_and_a_player(visit: Any, tmp_path: Path) -> None:
    (tmp_path / "letter.mp3").write_text("Dear listener")
    marked, again = tmp_path / MARKUP, tmp_path / "again.ogg"
    shutil.copy(SONGS[0], marked)
    shutil.copy(SONGS[1], again)
    page = visit()
    page.get_by_label("Keep the best").fill("2")
    put(page, [tmp_path / "letter.mp3", *SONGS, again])
    page.locator("#songs input[type=file]").last.set_input_files([marked])
    rank(page)
    page.locator(".verdict", has_text="The 2nd").wait_for()
    for plot in ("#standings-plot", "#spread-plot"):
        page.locator(f"{plot} .js-plotly-plot").wait_for()
    assert page.locator("caption", has_text="How the scores spread").is_visible()
    assert "not a sound file" in column(page, -1)[-1]
    assert page.title() == "APEX Space"


@pytest.mark.slow
def test_the_kept_songs_come_as_a_zip_and_the_ranking_as_csv_and_json(visit: Any) -> None:
    page = visit()
    page.get_by_label("Keep the best").fill("2")
    put(page, SONGS)
    rank(page)
    kept = column(page, 1)[:2]
    with page.expect_download() as download:
        page.get_by_role("link", name="The kept songs as a zip").click()
    with ZipFile(download.value.path()) as made:
        assert made.namelist() == [f"0{place} {name}" for place, name in enumerate(kept, 1)]
        assert made.read(made.namelist()[0]) == (EXAMPLES / kept[0]).read_bytes()
    with page.expect_download() as download:
        page.get_by_role("link", name="Ranking as CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert [row["file"] for row in rows] == column(page, 1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Ranking as JSON").click()
    assert [row["file"] for row in json.loads(download.value.path().read_text())["rows"]] == column(page, 1)


@pytest.mark.slow
def test_the_table_is_sorted_searched_and_played_from_the_keyboard(visit: Any) -> None:
    page = visit()
    put(page, SONGS)
    rank(page)
    names = column(page, 1)
    assert column(page, 0) == [str(place) for place in range(1, len(SONGS) + 1)]
    song = page.locator("#ranked thead button", has_text="Song")
    song.focus()
    page.keyboard.press("Enter")
    assert column(page, 1) == sorted(names)
    assert song.evaluate("button => button === document.activeElement")
    page.keyboard.press("Enter")
    assert column(page, 1) == sorted(names, reverse=True)
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Song")
    page.locator("#ranked thead button", has_text="Likes").click()
    likes = [float(text) for text in column(page, 3)]
    assert likes == sorted(likes, reverse=True)
    page.locator("#ranked input").fill(f"{names[2][:-4].upper()} ogg")
    assert names[2] in column(page, 1)
    assert len(column(page, 1)) < len(names)
    page.locator("#ranked tbody button").first.focus()
    page.keyboard.press("Enter")
    _wait_for(lambda: playing(page, column(page, 1)[0]), seconds=10)


def playing(page: Any, name: str) -> None:
    assert page.locator("#ranked .playing").inner_text() == name
    assert page.evaluate("document.querySelector('#ranked audio').currentTime") > 0


@pytest.mark.slow
def test_cancel_keeps_what_is_done_and_another_run_goes_on(visit: Any, tmp_path: Path) -> None:
    songs = [write(tmp_path / f"{i:02}.wav", 100 + i, seconds=40) for i in range(BATCH)]
    page = visit()
    put(page, songs)
    page.get_by_role("button", name="Rank", exact=True).click()
    page.locator("#ranked tbody tr").nth(1).wait_for(timeout=60_000)
    page.get_by_role("button", name="Cancel").click()
    page.locator(".note", has_text="Cancelled").wait_for()
    finished(page)
    done = page.locator("#ranked tbody tr").count()
    assert 2 <= done < BATCH
    time.sleep(3)
    assert page.locator("#ranked tbody tr").count() == done
    page.get_by_role("button", name="Rank", exact=True).click()
    page.locator(".note", has_text="Cancelled").wait_for(state="detached")
    finished(page)
    assert page.locator("#ranked tbody tr").count() == BATCH


@pytest.mark.slow
def test_songs_are_deleted_once_the_page_is_closed(visit: Any, server: Server, tmp_path: Path) -> None:
    """After an hour, which Gradio makes a second for tests."""
    page = visit()
    put(page, [write(tmp_path / f"closing{i}.wav", i, seconds=8) for i in range(2)])
    rank(page)
    time.sleep(GRACE_SECONDS + 2)
    page.locator("#ranked tbody button").first.click()
    _wait_for(lambda: playing(page, column(page, 1)[0]), seconds=10)
    page.close()
    _wait_for(lambda: nothing_left(server, "closing"), seconds=GRACE_SECONDS + 20)


@pytest.mark.slow
def test_the_page_says_what_is_missing(visit: Any) -> None:
    page = visit()
    page.get_by_label("Keep the best").fill("0")
    page.get_by_role("button", name="Rank", exact=True).click()
    page.get_by_text("Choose songs first.").wait_for()
    page.get_by_text("Keep one or more.").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows(visit: Any, width: int) -> None:
    page = visit(viewport={"width": width, "height": 844})
    page.get_by_role("button", name="Take the example songs").click()
    page.locator("#songs .file-preview").wait_for()
    rank(page)
    page.locator("#spread-plot .js-plotly-plot").wait_for()
    page.locator("#ranked tbody button").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width

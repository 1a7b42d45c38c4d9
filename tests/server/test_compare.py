"""Comparing two songs through gradio's client."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from gradio_client import handle_file

from helpers.preference_head import BAD, GOOD, coherence_head, reports
from helpers.server import Running
from helpers.songs import short
from helpers.wait import until


@pytest.fixture(scope="module")
def ask(client: Any) -> Any:
    """The public endpoint: two files and perhaps a judge in, the JSON out."""

    def compare(a: Path, b: Path, *judge: str) -> Any:
        return client.predict(handle_file(a), handle_file(b), *judge, api_name="/compare")

    return compare


def test_the_client_gets_an_answer_that_swaps_with_the_songs(ask: Any) -> None:
    one, other = ask(short(GOOD), short(BAD)), ask(short(BAD), short(GOOD), "pocket")
    expected = coherence_head()(*reports())
    assert one["probability"] == pytest.approx(expected.probability, abs=1e-6)
    assert one["probability"] + other["probability"] == 1
    assert (one["verdict"], other["verdict"]) == ("a", "b")
    assert one["a"]["scores"] == other["b"]["scores"]


def test_the_client_may_say_that_the_songs_are_by_two_makers(client: Any) -> None:
    files = handle_file(short(GOOD)), handle_file(short(BAD))
    one, two = (client.predict(*files, one_maker=maker, api_name="/compare") for maker in (True, False))
    assert (one["spoke"], one["one_maker"], two["one_maker"]) == ("head", True, False)
    assert one["probability"] == two["probability"]  # a head knows nothing of makers


def test_the_same_song_twice_is_a_half(ask: Any) -> None:
    answer = ask(short(GOOD), short(GOOD))
    assert (answer["low"], answer["probability"], answer["high"]) == (0.5, 0.5, 0.5)
    assert answer["same"]


def test_the_client_is_told_which_song_and_why(ask: Any, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp3"
    letter.write_text("Dear listener")
    for songs, side in (((letter, short(GOOD)), "A"), ((short(GOOD), letter), "B"), ((letter, letter), "A")):
        with pytest.raises(Exception, match=f"Song {side}: .*not a sound file"):
            ask(*songs)
    with pytest.raises(Exception, match="APEX"):
        ask(short(GOOD), short(BAD), "apex")


def test_uploads_are_deleted_after_comparing(ask: Any, client: Any, server: Running, tmp_path: Path) -> None:
    good, bad = (Path(shutil.copy(song, tmp_path / f"deleted {song.name}")) for song in (short(GOOD), short(BAD)))
    (tmp_path / "deleted.wav").write_bytes(b"")
    asked = client.submit(handle_file(good), handle_file(bad), api_name="/compare")
    until(lambda: len(server.uploads("deleted")) == 2, seconds=10)
    asked.result()
    with pytest.raises(Exception, match="empty"):
        ask(good, tmp_path / "deleted.wav")
    until(lambda: not server.uploads("deleted"), seconds=10)


def test_the_panels_answer_over_http_names_who_cannot_answer(ask: Any) -> None:
    answer = ask(short(GOOD), short(BAD), "panel")
    assert list(answer["answers"]) == ["pocket"]
    assert {"apex", "banger", "songeval"} <= set(answer["absent"])
    assert answer["a"]["reports"][0]["file"] == GOOD


def test_a_song_of_the_panel_that_cannot_be_heard_is_named(ask: Any, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp3"
    letter.write_text("Dear listener")
    with pytest.raises(Exception, match=r"Song B: .*not a sound file"):
        ask(short(GOOD), letter, "panel")

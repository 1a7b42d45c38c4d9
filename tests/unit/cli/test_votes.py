"""`votes listeners`, `votes set-aside` and `votes restore`: what they say, what they change, and their exit status."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from apex_space.cli.votes import BY_HAND, votes
from apex_space.core.settings import settings
from apex_space.storage.identity import DAY
from apex_space.storage.records import WITHDRAWN
from apex_space.storage.vote_rows import to_rows
from apex_space.storage.vote_store import VoteStore, open_store
from helpers.votes import stored, vote

FIRST = 20_000 * DAY
"""2024-10-04."""
ROBOT, PERSON = "abcdef0123456789" * 2, "abcdef9876543210" * 2
Command = Callable[..., Result]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Runs `votes ...` on the data folder `tmp_path`, which has votes of a robot, a person, and somebody unknown."""
    monkeypatch.setenv("APEX_DATA", str(tmp_path))
    monkeypatch.delenv("APEX_DATABASE_URL", raising=False)
    settings.cache_clear()
    given = [
        *(vote(0, other, "a", voter=ROBOT) for other in (1, 2, 3, 5, 6)),
        vote(7, 0, "b", voter=ROBOT, suspicion="too many"),
        vote(1, 2, "b", voter=PERSON),
        vote(1, 3, "tie", voter=PERSON),
        vote(2, 3),
    ]
    made = [replace(each, at=FIRST + hour * DAY / 6) for hour, each in enumerate(stored(given))]
    with closing(open_store(settings())) as store:
        store.add_all([(each, ()) for each in made])
        store.set_aside(["battle7"], WITHDRAWN)
    yield lambda *options: CliRunner().invoke(votes, options, env={"COLUMNS": "160"})
    settings.cache_clear()


def reasons() -> list[str]:
    with closing(open_store(settings())) as store:
        return [vote.suspicion for vote in store.votes()]


BEFORE = ["", "", "", "", "", "too many", "", WITHDRAWN, ""]


def test_listeners_are_listed_by_votes_with_what_they_favour(command: Command) -> None:
    found = json.loads(command("listeners", "--format", "json").stdout)
    assert [(each["voter"], each["votes"], each["counted"]) for each in found] == [(ROBOT, 6, 5), (PERSON, 2, 1)]
    robot = found[0]
    assert (robot["a"], robot["b"]) == (5, 1)
    assert (robot["generator"], robot["generator_wins"], robot["generator_votes"]) == ("maker0", 6, 6)
    assert (robot["first"], robot["last"]) == (FIRST, FIRST + 5 * DAY / 6)
    table = command("listeners", "--most", "1").stdout
    assert ROBOT[:12] in table
    assert ROBOT not in table
    assert "maker0: won 6 of 6" in table
    assert PERSON[:12] not in table
    assert next(csv.DictReader(io.StringIO(command("listeners", "--format", "csv").stdout)))["votes"] == "6"
    assert json.loads(command("listeners", "--from", "2024-10-05", "--format", "json").stdout)[0]["voter"] == PERSON


def test_without_yes_it_only_says_what_it_would_do(command: Command) -> None:
    done = command("set-aside", "--listener", ROBOT[:12], "--reason", "a robot\x1b")
    assert done.exit_code == 0
    assert "5 votes from 2024-10-04 00:00 to 2024-10-04 16:00 (UTC), listeners: 1. Reason: a robot." in done.stderr
    assert "5 votes would be set aside. Add --yes to do it." in done.stderr
    assert done.stdout == ""
    assert reasons() == BEFORE


def test_votes_of_a_listener_are_set_aside_and_restored(command: Command) -> None:
    done = command("set-aside", "--listener", ROBOT[:12], "--yes")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (0, "5 votes set aside.")
    assert reasons() == [*[BY_HAND] * 5, *BEFORE[5:]]
    again = command("set-aside", "--listener", ROBOT[:12], "--yes")
    assert (again.exit_code, again.stderr) == (1, "No such vote. Nothing is changed.\n")
    back = command("restore", "--listener", ROBOT[:12])
    assert "5 votes would be restored." in back.stderr
    assert BY_HAND in back.stderr
    assert reasons()[0] == BY_HAND
    assert command("restore", "--yes").exit_code == 0
    assert reasons() == BEFORE
    assert command("restore", "--yes").exit_code == 1


def test_votes_of_a_reason_are_restored_and_no_others(command: Command) -> None:
    assert command("restore", "--reason", " too many ", "--yes").exit_code == 0
    assert reasons() == ["" if reason == "too many" else reason for reason in BEFORE]


@pytest.mark.parametrize(
    ("span", "places"),
    [
        (("--from", "2024-10-05"), (6, 8)),
        (("--to", "2024-10-04"), (0, 1, 2, 3, 4)),
        (("--from", "2024-10-04T04:00", "--to", "2024-10-04T12:00"), (1, 2)),
        (("--from", "2024-10-04T06:00+02:00", "--to", "2024-10-04T12:00:00Z"), (1, 2)),
    ],
)
def test_votes_of_a_time_are_set_aside(span: tuple[str, ...], places: tuple[int, ...], command: Command) -> None:
    assert command("set-aside", *span, "--yes").exit_code == 0
    assert reasons() == [BY_HAND if place in places else reason for place, reason in enumerate(BEFORE)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Choose votes with --listener, --from or --to."),
        (("--listener", "abc"), "at least 6 characters"),
        (("--listener", "abcdef"), "Several listeners begin with abcdef"),
        (("--from", "yesterday"), "yesterday is no day or time"),
        (("--to", "2024-13-01"), "2024-13-01 is no day or time"),
        (("--from", "2024-10-04", "--reason", " "), "Give a reason"),
        (("--from", "2024-10-04", "--reason", "x" * 201), "at most 200 characters"),
    ],
)
def test_what_cannot_be_used_is_said_and_changes_nothing(options: tuple[str, ...], said: str, command: Command) -> None:
    done = command("set-aside", *options, "--yes")
    assert done.exit_code == 2
    assert said in done.stderr
    assert reasons() == BEFORE


def test_a_time_that_no_calendar_has_is_told_as_a_number(command: Command) -> None:
    with closing(open_store(settings())) as store:
        store.add_all([(replace(stored([vote(4, 5)], 9)[0], at=1.7e12), ())])
    done = command("set-aside", "--from", "2025-01-01", "--yes")
    assert done.exit_code == 0, done.stderr
    assert "1 vote from 1700000000000 to 1700000000000 (UTC)" in done.stderr


def test_a_bad_row_controls_no_terminal(command: Command, tmp_path: Path) -> None:
    scores = {"at": 0, "song": "a", "judge": "pocket", "revision": "1", "scores": {"\x1b[31m": "high"}}
    (row,) = to_rows([vote(4, 5)], {})
    (tmp_path / "votes.jsonl").write_text(json.dumps({**row, "scores": json.dumps([scores])}))
    done = command("import", str(tmp_path / "votes.jsonl"))
    assert "line 1: scores.0.scores.\\x1b[31m: Input should be" in done.stderr
    assert "\x1b" not in done.stderr


def test_an_empty_database_has_no_listeners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_DATA", str(tmp_path))
    monkeypatch.delenv("APEX_DATABASE_URL", raising=False)
    settings.cache_clear()
    VoteStore(f"sqlite:///{tmp_path}/arena.sqlite3").close()
    done = CliRunner().invoke(votes, ["listeners", "--format", "json"])
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])
    settings.cache_clear()

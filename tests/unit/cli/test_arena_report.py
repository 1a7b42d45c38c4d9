"""`arena report`: what it prints where, and its exit status."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from apex_space.arena.leaderboard import LeaderboardService, LeaderboardSnapshot
from apex_space.cli.arena import arena
from apex_space.core.settings import settings
from apex_space.storage.records import Song, Vote
from apex_space.storage.vote_store import open_store
from helpers.votes import predicted, simulate, song, stored, vote

STRENGTHS = [-1.0, 0.0, 1.0, 2.0]
HOSTILE = Song("hostile", "=HYPERLINK(1)\x1b[31m", "+maker [bold]")

Report = Callable[..., Result]


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Report]:
    """Runs the command on the data folder `tmp_path`."""
    app = typer.Typer()
    app.add_typer(arena, name="arena")
    monkeypatch.setenv("APEX_DATA", str(tmp_path))
    monkeypatch.delenv("APEX_DATABASE_URL", raising=False)
    settings.cache_clear()
    yield lambda *options: CliRunner().invoke(app, ["arena", "report", *options])
    settings.cache_clear()


def keep(*votes: Vote) -> LeaderboardSnapshot:
    with closing(open_store(settings())) as store:
        store.add_all([(each, []) for each in stored(votes)])
        return LeaderboardService(store).refit()


def judged() -> list[Vote]:
    return simulate(STRENGTHS, 60, ties=0.2, judge=lambda odds: 0.5 + 0.1 * odds)


def test_without_votes_it_says_so_and_that_is_no_failure(report: Report) -> None:
    for format in ("table", "json", "csv"):
        done = report("--format", format)
        assert done.exit_code == 0
        assert "no votes yet" in done.stderr
    assert report().stdout == ""
    assert json.loads(report("--format", "json").stdout)["songs"] == []
    assert list(csv.DictReader(io.StringIO(report("--format", "csv").stdout))) == []


def test_a_board_counts_the_votes_on_two_songs_of_its_kind(report: Report) -> None:
    rock, folk = ([Song(f"{kind}{n}", kinds={"genre": f"[bold]{kind}"}) for n in range(2)] for kind in ("rock", "folk"))
    keep(*[vote(*rock)] * 6, *[vote(*folk)] * 5, vote(rock[0], folk[0]))
    everything, board = report(), report("--board", "genre: [bold]rock")
    assert "Board: all songs. The others, for --board: “genre: [bold]rock”, “genre: [bold]folk”." in everything.stderr
    assert "Board: genre: [bold]rock." in board.stderr
    assert "folk0" in everything.stdout
    assert "folk0" not in board.stdout
    found = json.loads(report("--board", "genre: [bold]rock", "--format", "json").stdout)
    assert (found["board"], found["votes"], "not_counted" in found) == ("genre: [bold]rock", 6, False)
    refused = report("--board", "genre: \x1b[31m")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "There is no board “genre: [31m”" in refused.stderr


def test_json_is_the_standing(report: Report) -> None:
    standing = keep(*judged(), vote(8, 9, "a", predicted(0.6), source="uploaded"))
    done = report("--format", "json")
    assert done.exit_code == 0
    assert done.stderr == ""
    found = json.loads(done.stdout)
    expected = json.loads(json.dumps(standing.as_dict()))
    expected |= {"at": 0, "not_counted": {"votes": 61, "reasons": {}, "before": ""}, "warning": ""}
    assert found | {"at": 0} == expected
    assert found["votes"] == 61
    assert len(found["songs"]) == len(found["generators"]) == 4
    assert [found["agreement"][source]["votes"] for source in ("pool", "uploaded")] == [60, 1]


def test_csv_holds_the_same_figures(report: Report) -> None:
    standing = keep(*judged(), vote(8, 9, "a", predicted(0.6), source="uploaded"))
    rows = list(csv.DictReader(io.StringIO(report("--format", "csv").stdout)))

    def found(part: str, source: str = "pool") -> list[tuple[float, ...]]:
        here = [row for row in rows if (row["part"], row["source"]) == (part, source)]
        return [tuple(float(row[name]) for name in ("value", "low", "high", "votes")) for row in here]

    assert found("song") == [(r.rating, r.low, r.high, r.votes) for r in standing.songs]
    assert found("generator") == [(r.rating, r.low, r.high, r.votes) for r in standing.generators]
    for source, panel in standing.agreement.items():
        side = panel.side if source == "pool" else panel.a
        assert side is not None
        assert found("side A", source) == [(*vars(side).values(), panel.decided)]
        (judge,) = panel.judges
        for part, figure in (
            ("agreement", judge.agreed), ("always A", judge.always_a), ("gain", judge.gain), ("brier", judge.brier),
        ):  # fmt: skip
            assert found(part, source) == [(*vars(figure).values(), judge.decided)]
        assert [row[:3] for row in found("calibration", source)] == [
            tuple(vars(bin.won).values()) for bin in judge.calibration
        ]
        assert sum(row[3] for row in found("calibration", source)) == judge.decided
        assert found("generators", source) == [(*vars(p.agreed).values(), p.decided) for p in judge.generators]


def test_the_table_names_songs_generators_judges_and_sides(report: Report) -> None:
    standing = keep(*judged(), vote(8, 9, "a", predicted(0.6), source="uploaded"))
    text = report().stdout
    for rating in (*standing.songs, *standing.generators):
        assert rating.title in text
        assert f"{100 * rating.rating:.0f} ({100 * rating.low:.0f}–{100 * rating.high:.0f})" in text
    judge = standing.agreement["pool"].judge("pocket")
    assert judge is not None
    assert judge.agreed.percent in text
    assert str(judge.brier) in text
    assert standing.agreement["pool"].sides in " ".join(text.split())
    assert "visitors' own songs" in text
    assert "as if each vote came from another listener" in " ".join(text.split())
    assert "preliminary" in text


@pytest.mark.slow
def test_it_says_why_votes_do_not_count_and_warns_if_they_suddenly_are_many(report: Report) -> None:
    keep(*judged(), *[vote(1, 2, suspicion="too \x1bmany")] * 3)
    done = report()
    assert "3 of 63 votes do not count" in " ".join(done.stdout.split())
    assert "too many" in done.stdout
    assert done.stderr == ""
    keep(*judged(), *[vote(1, 2, suspicion="too \x1bmany")] * 90)
    done = report("--format", "json")
    assert "Warning: 90 of the newest 100 votes do not count" in done.stderr
    assert "\x1b" not in done.stderr
    found = json.loads(done.stdout)
    assert found["not_counted"] == {"votes": 150, "reasons": {"too \x1bmany": 90}, "before": ""}
    assert "90 of the newest 100" in found["warning"]


@pytest.mark.slow
def test_the_table_tells_what_other_ways_to_count_ties_would_do(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = keep(*judged(), vote(0, 1, "both_bad"))
    text = " ".join(report().stdout.split())
    assert "Songs, if ties were counted in another way" in text
    assert "If ties and “both bad” votes were counted in another way" in text
    for rows in standing.otherwise["song"].values():
        assert all(f"{100 * row.rating:.0f}%" in text for row in rows)
    monkeypatch.setenv("APEX_TIES", "davidson")
    settings.cache_clear()
    found = json.loads(report("--format", "json").stdout)
    assert found["ties"] == "davidson"
    assert {by: list(ways) for by, ways in found["otherwise"].items()} == {
        "song": ["half", "without_both_bad"],
        "generator": ["half", "without_both_bad"],
    }
    brief = {row["key"]: row["rating"] for row in found["otherwise"]["song"]["half"]}
    assert brief == {row.key: row.rating for row in standing.songs}
    assert {row["key"]: row["rating"] for row in found["songs"]} != brief


def test_texts_from_outside_steer_neither_the_terminal_nor_a_spreadsheet(report: Report) -> None:
    keep(vote(HOSTILE, song(1), "a", predicted(0.6)))
    table = report().stdout
    assert "\x1b" not in table
    assert "[bold]" in table
    (row,) = (
        row
        for row in csv.DictReader(io.StringIO(report("--format", "csv").stdout))
        if (row["part"], row["name"]) == ("song", HOSTILE.id)
    )
    assert row["title"].startswith("'=HYPERLINK")
    assert row["generator"] == f"'{HOSTILE.generator}"


def test_a_song_without_a_title_is_shown_by_its_id(report: Report) -> None:
    keep(vote(Song("0123456789abcdef"), song(1)))
    assert "0123456789ab" in report().stdout


def test_a_database_that_cannot_be_used_is_refused_with_the_reason(report: Report, tmp_path: Path) -> None:
    (tmp_path / "arena.sqlite3").write_bytes(b"not a database" * 100)
    done = report()
    assert done.exit_code == 2
    assert "arena.sqlite3" in done.stderr
    assert done.stdout == ""

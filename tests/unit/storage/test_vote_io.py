"""Votes to a file and back."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args
from uuid import uuid4

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from apex_space.cli.votes import votes as app
from apex_space.core.errors import ArenaError
from apex_space.core.settings import Settings
from apex_space.storage import vote_io
from apex_space.storage.hub_sync import _write_shard
from apex_space.storage.records import Battle, Prediction, Song, SongScores, Tag, Vote
from apex_space.storage.vote_io import (
    COLUMNS,
    MAX_BAD,
    BadVote,
    ImportResult,
    export_votes,
    import_votes,
    write_parquet,
)
from apex_space.storage.vote_rows import REQUIRED, parse_row, to_rows
from apex_space.storage.vote_store import VoteStore, open_store
from helpers.database import sqlite
from helpers.votes import votes_counted

ENDINGS = (".parquet", ".csv", ".jsonl")
each_form = pytest.mark.parametrize("ending", ENDINGS)

Voted = list[tuple[Vote, list[tuple[float, SongScores]]]]

numbers = st.floats(0, 1e10)
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.sampled_from(
        ["=1+1", "'=1+1", "''", "'", "-", "@a", "\t", "\r", "a\r\nb", '"', ",", "\ufeff", " ", "\u2028", "null"]
    ),
)
words = texts.filter(bool)
kinds = st.dictionaries(st.sampled_from(["genre", "=mood", "'"]), st.sampled_from(["rock", "=1+1", "“ü”"]))
songs = st.builds(lambda *texts: Song(uuid4().hex, *texts), texts, texts, texts, kinds)
shares = st.floats(0, 1)
spoke = st.sampled_from(["", "scores", "generators"])
predictions = st.builds(Prediction, words, words, words, shares, shares, shares, st.integers(0, 10**6), spoke)
sources = st.sampled_from(["pool", "uploaded"])
several = st.lists(predictions, max_size=2).map(tuple)
battles = st.builds(lambda *rest: Battle(uuid4().hex, *rest), songs, songs, sources, numbers, several)
winners = st.sampled_from(["a", "b", "tie", "both_bad"])
tags = st.sets(st.sampled_from(get_args(Tag))).map(lambda chosen: tuple(sorted(chosen)))
votes = st.builds(Vote, battles, winners, numbers, st.tuples(numbers, numbers), texts, texts, tags=tags)
scores = st.dictionaries(texts, st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=3)


@st.composite
def voted(draw: st.DrawFn) -> tuple[Vote, list[tuple[float, SongScores]]]:
    vote = draw(votes)
    known = draw(st.lists(st.tuples(numbers, words, words, scores), max_size=3, unique_by=lambda each: each[1:3]))
    return vote, [(at, SongScores(vote.battle.a.id, judge, revision, values)) for at, judge, revision, values in known]


def kept(store: VoteStore) -> tuple[list[Vote], dict[str, Any]]:
    """All that a file holds of a store."""
    scored = {song: sorted(known, key=repr) for song, known in store.scored().items()}
    return [replace(vote, voter="") for vote in store.votes()], scored


def example(number: int = 1, **options: Any) -> Vote:
    a, b = Song("song a", "Title", "maker", "a waltz"), Song(f"song {number}")
    predicted = (Prediction("apex", "pocket", "r1", 0.6, 0.5, 0.7),)
    battle = Battle(f"battle {number}", a, b, "pool", 1.7e9 + number, predicted)
    return Vote(
        battle, **{"winner": "a", "at": 1.7e9 + number + 0.1, "heard": (5.0, 6.5), "voter": "secret", **options}
    )


@pytest.fixture
def other(tmp_path: Path, empty_database: Path) -> Iterator[VoteStore]:
    with closing(VoteStore(sqlite(tmp_path / "there", empty_database))) as opened:
        yield opened


@pytest.mark.slow
@each_form
@given(st.lists(voted(), max_size=5))
@settings(max_examples=10)
def test_what_was_exported_is_imported_exactly(ending: str, empty_database: Path, given: Voted) -> None:
    with TemporaryDirectory() as name:
        folder, file = Path(name), Path(name) / f"votes{ending}"
        here, there = (sqlite(folder / side, empty_database) for side in "ab")
        with closing(VoteStore(here)) as here, closing(VoteStore(there)) as there:
            assert here.add_all(given) == len(given)
            assert export_votes(here, file) == len(given)
            assert import_votes(there, file) == ImportResult(len(given), 0)
            assert kept(there) == kept(here)
            assert import_votes(there, file) == ImportResult(0, len(given))
            assert import_votes(here, file) == ImportResult(0, len(given))
            again = folder / f"again{ending}"
            export_votes(there, again)
            assert again.read_bytes() == file.read_bytes()


@each_form
def test_an_export_of_version_0_1_0_is_still_read(
    ending: str, store: VoteStore, other: VoteStore, tmp_path: Path
) -> None:
    old = example(winner="bad")
    store.add_all([(replace(old, battle=replace(old.battle, source="own")), ())])
    export_votes(store, tmp_path / f"votes{ending}")
    import_votes(other, tmp_path / f"votes{ending}")
    (vote,) = other.votes()
    assert (vote.battle.source, vote.winner) == ("uploaded", "both_bad")


@each_form
def test_what_was_set_aside_is_so_after_any_import(
    ending: str, store: VoteStore, other: VoteStore, tmp_path: Path
) -> None:
    early, late = tmp_path / f"early{ending}", tmp_path / f"late{ending}"
    store.add_all([(example(number), ()) for number in range(4)])
    store.set_aside(["battle 3"], "withdrawn")
    export_votes(store, early)
    store.set_aside(["battle 1"], "a robot")
    store.restore(["battle 3"])
    export_votes(store, late)
    for file, known in ((early, 0), (late, 4), (early, 4), (late, 4)):
        assert import_votes(other, file) == ImportResult(4 - known, known)
    assert kept(other) == kept(store)
    assert [vote.suspicion for vote in other.votes()] == ["", "a robot", "", ""]
    assert other.decided() == store.decided() == 3
    assert other.changes() == 3
    import_votes(store, early)
    assert kept(other) == kept(store)


@each_form
def test_a_file_without_the_time_of_changes_is_still_read(
    ending: str, store: VoteStore, other: VoteStore, tmp_path: Path
) -> None:
    store.add_all([(example(), ())])
    old = tmp_path / f"votes{ending}"
    export_votes(store, old)
    rows = [{name: row[name] for name in REQUIRED} for row in to_rows(store.votes(), {})]
    if ending == ".parquet":
        write_parquet(old, rows, REQUIRED)
    else:
        table = pd.DataFrame(rows)
        _ = table.to_csv(old, index=False) if ending == ".csv" else table.to_json(old, orient="records", lines=True)
    assert import_votes(other, old) == ImportResult(1, 0)
    export_votes(store, old)  # it is known as an export, and so it is replaced


@each_form
def test_kinds_of_songs_are_kept_and_come_in_with_votes_that_are_here_already(
    ending: str, store: VoteStore, other: VoteStore, tmp_path: Path
) -> None:
    def told(**kinds: str) -> Vote:
        vote = example()
        return replace(vote, battle=replace(vote.battle, a=replace(vote.battle.a, kinds=kinds)))

    store.add_all([(told(genre="rock", vocals="=no"), ())])
    export_votes(store, tmp_path / f"votes{ending}")
    for first in (told(), told(genre="jazz")):
        other.add_all([(first, ())])
    import_votes(other, tmp_path / f"votes{ending}")
    assert other.votes()[0].battle.a.kinds == {"genre": "jazz", "vocals": "=no"}, "what is known first stays"
    assert other.counts().songs["song a"].kinds == {"genre": "jazz", "vocals": "=no"}
    assert other.votes()[0].battle.b.kinds == {}


@pytest.mark.parametrize(
    "kinds",
    [{"": "x"}, {"x": ""}, {"a\nb": "x"}, {"x": "\u202e"}, {"x": "y" * 41}, {"x": 1}],
)
def test_kinds_that_no_pool_would_have_are_refused(kinds: dict[str, Any]) -> None:
    (row,) = to_rows([example()], {})
    with pytest.raises(ValueError, match="a_kinds"):
        parse_row({**row, "a_kinds": json.dumps(kinds)})


@pytest.mark.parametrize("column", ["at", "issued", "changed"])
def test_a_time_in_milliseconds_is_refused(column: str) -> None:
    (row,) = to_rows([example()], {})
    with pytest.raises(ValueError, match=f"{column}: Input should be less than"):
        parse_row({**row, column: 1.7e12})


def test_a_song_of_several_pools_is_exported_again_and_imported_with_its_first_kinds(
    store: VoteStore, other: VoteStore, tmp_path: Path
) -> None:
    file = tmp_path / "votes.jsonl"
    for number, columns in enumerate(("abcdef", "uvwxyz")):
        vote = example(number)
        battle = replace(vote.battle, a=replace(vote.battle.a, kinds=dict.fromkeys(columns, "x")))
        store.add_all([(replace(vote, battle=battle), ())])
        export_votes(store, file)
    export_votes(store, file)  # it is known as an export, and so it is replaced
    assert import_votes(other, file) == ImportResult(2, 0)
    assert [*other.counts().songs["song a"].kinds] == [*"abcdefuv"]


@pytest.mark.slow
@each_form
def test_thousands_of_votes_go_from_one_database_to_another(
    ending: str, store: VoteStore, other: VoteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the form whose files are written in groups of rows at the true size, in the others with small batches."""
    batch = vote_io.BATCH if ending == ".parquet" else 100
    monkeypatch.setattr(vote_io, "BATCH", batch)
    count, known = batch * 6 // 5, batch // 10
    scored = [(1.0, SongScores("song a", "apex", "r1", {"clarity": 1.5, "streams": None}))]
    store.add_all([(example(number), scored) for number in range(count)])
    file = tmp_path / f"votes{ending}"
    export_votes(store, file)
    progress: list[int] = []
    other.add_all([(example(number), ()) for number in range(known)])
    assert import_votes(other, file, progress.append) == ImportResult(count - known, known)
    assert kept(other) == kept(store)
    assert progress == [batch, count]


@each_form
def test_a_file_is_a_flat_table_without_voters(ending: str, store: VoteStore, tmp_path: Path) -> None:
    store.add_all([(example(), [(2.0, SongScores("song a", "apex", "r1", {"clarity": None}))])])
    file = tmp_path / f"votes{ending.upper()}"
    export_votes(store, file)
    read: dict[str, Callable[..., pd.DataFrame]] = {
        ".parquet": pd.read_parquet,
        ".csv": pd.read_csv,
        ".jsonl": lambda path: pd.read_json(path, lines=True),
    }
    table = read[ending](file)
    assert list(table.columns) == list(COLUMNS)
    (row,) = table.to_dict("records")
    assert (row["battle"], row["winner"], row["a_title"], row["heard_b"]) == ("battle 1", "a", "Title", 6.5)
    assert json.loads(row["predictions"])[0]["probability"] == 0.6
    assert json.loads(row["scores"])[0]["scores"] == {"clarity": None}
    assert b"secret" not in file.read_bytes()


def test_csv_holds_no_formula(store: VoteStore, tmp_path: Path) -> None:
    vote = example()
    wicked = Song("=song", "+title", "@maker", "-prompt")
    store.add_all([(replace(vote, suspicion="\tweb", battle=replace(vote.battle, a=wicked)), ())])
    export_votes(store, tmp_path / "votes.csv")
    with (tmp_path / "votes.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert [row[f"a_{name}"] for name in ("id", "title", "generator", "prompt")] == [
        "'=song",
        "'+title",
        "'@maker",
        "'-prompt",
    ]
    assert row["suspicion"] == "'\tweb"


@each_form
def test_no_votes_make_a_file_without_rows(ending: str, store: VoteStore, tmp_path: Path) -> None:
    file = tmp_path / "new folder" / f"votes{ending}"
    assert export_votes(store, file) == 0
    assert import_votes(store, file) == ImportResult(0, 0)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_the_vote_on_a_battle_that_is_still_open_here_is_taken_in(
    store: VoteStore, other: VoteStore, tmp_path: Path
) -> None:
    other.add_battle(example().battle)
    store.add_all([(example(), ())])
    export_votes(store, tmp_path / "votes.csv")
    assert import_votes(other, tmp_path / "votes.csv") == ImportResult(1, 0)
    assert kept(other) == kept(store)


def test_a_vote_on_other_songs_under_the_id_of_a_battle_is_not(
    store: VoteStore, other: VoteStore, tmp_path: Path
) -> None:
    mine = example().battle
    other.add_battle(replace(mine, a=mine.b, b=mine.a))
    store.add_all([(example(), ())])
    export_votes(store, tmp_path / "votes.csv")
    assert import_votes(other, tmp_path / "votes.csv") == ImportResult(0, 1)
    assert votes_counted(other) == 0


WRONG: dict[str, tuple[Any, str]] = {
    "battle": ("", "battle: Value should have at least 1 item"),
    "source": ("radio", "source: Input should be 'pool' or 'uploaded', not 'radio'"),
    "issued": (-1, "issued: Input should be greater than or equal to 0, not -1"),
    "at": ("noon", "not 'noon'"),
    "winner": ("A", "winner: Input should be 'a', 'b', 'tie' or 'both_bad', not 'A'"),
    "a_id": ("nul \0", "a_id: Input should hold no NUL"),
    "b_title": ("\ud800", "the row: Invalid JSON"),
    "heard_a": (1e400, "heard_a: Input should be a finite number"),
    "heard_b": (None, "not None"),
    "suspicion": (None, "suspicion: Input should be a valid string, not None"),
    "predictions": ("[{}]", "predictions.0.judge: Field required"),
    "scores": ("{}", "scores: Input should be a valid array"),
}
WRONG_INSIDE = [
    ("predictions", "["),
    ("predictions", "[" * 100_000),
    ("predictions", "[1]"),
    ("predictions", '[{"judge": "j", "head": "h", "revision": "r", "probability": 1.5, "low": 0, "high": 1}]'),
    ("predictions", '[{"judge": "j", "head": "h", "revision": "r", "probability": true, "low": 0, "high": 1}]'),
    ("predictions", '[{"judge": "j", "head": "h", "revision": "r", "probability": NaN, "low": 0, "high": 1}]'),
    ("scores", '[{"song": "elsewhere", "judge": "j", "revision": "r", "at": 1, "scores": {}}]'),
    ("scores", '[{"song": "song a", "judge": "j", "revision": "r", "at": 1, "scores": []}]'),
    ("scores", '[{"song": "song a", "judge": "j", "revision": "r", "at": 1, "scores": {"clarity": "high"}}]'),
    ("issued", 10**400),
    ("issued", True),
]


def written(store: VoteStore, path: Path, number: int, **changes: Any) -> Path:
    """A jsonl file of three votes, of which one is changed, and a blank line before it."""
    export_votes(store, path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[number] |= changes
    lines = [json.dumps(row) for row in rows]
    path.write_text("\n".join([*lines[:number], "", *lines[number:]]))
    return path


@pytest.fixture
def three(store: VoteStore) -> VoteStore:
    store.add_all([(example(number), ()) for number in range(3)])
    return store


@pytest.mark.parametrize("column", [column for column in COLUMNS if column in WRONG])
def test_a_bad_row_is_named_with_its_line_and_reason_and_nothing_is_taken_in(
    column: str, three: VoteStore, other: VoteStore, tmp_path: Path
) -> None:
    value, reason = WRONG[column]
    found = import_votes(other, written(three, tmp_path / "votes.jsonl", 1, **{column: value}))
    assert [bad.line for bad in found.bad] == [3]
    assert reason in found.bad[0].reason
    assert (found.new, found.known, votes_counted(other)) == (0, 0, 0)


@pytest.mark.parametrize(("column", "value"), WRONG_INSIDE)
def test_bad_values_inside_are_found(
    column: str, value: Any, three: VoteStore, other: VoteStore, tmp_path: Path
) -> None:
    found = import_votes(other, written(three, tmp_path / "votes.jsonl", 2, **{column: value}))
    assert [bad.line for bad in found.bad] == [4]
    assert votes_counted(other) == 0


def test_lines_of_a_csv_are_counted_as_an_editor_does(three: VoteStore, other: VoteStore, tmp_path: Path) -> None:
    file = tmp_path / "votes.csv"
    export_votes(three, file)
    table = pd.read_csv(file, keep_default_na=False)
    table.loc[0, "b_prompt"] = "two\nlines"
    table.loc[1, "winner"] = "nobody"
    table.to_csv(file, index=False)
    assert [bad.line for bad in import_votes(other, file).bad] == [4]


def test_rows_of_a_parquet_file_are_counted(three: VoteStore, other: VoteStore, tmp_path: Path) -> None:
    file = tmp_path / "votes.parquet"
    export_votes(three, file)
    table = pd.read_parquet(file)
    table.loc[1, "winner"] = "nobody"
    table.to_parquet(file)
    assert [bad.line for bad in import_votes(other, file).bad] == [2]


def test_a_file_of_nothing_but_bad_rows_is_not_read_to_its_end(other: VoteStore, tmp_path: Path) -> None:
    file = tmp_path / "votes.jsonl"
    file.write_text("[]\n" * 10 * MAX_BAD)
    assert import_votes(other, file).bad[-1] == BadVote(MAX_BAD, "the row: Input should be an object, not []")


UNREADABLE: dict[str, tuple[str, bytes | None]] = {
    "absent": ("votes.csv", None),
    "no table": ("votes.xlsx", b""),
    "empty csv": ("votes.csv", b""),
    "other columns": ("votes.csv", b"name,votes\nx,1\n"),
    "not text": ("votes.csv", b"\xff\xfe\x00"),
    "an open quote": ("votes.csv", ",".join(COLUMNS).encode() + b'\n"'),
    "not UTF-8": ("votes.jsonl", b"\xff\n"),
    "not parquet": ("votes.parquet", b"PAR1 and then nothing PAR1"),
    "empty parquet": ("votes.parquet", b""),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_is_none_is_refused_by_its_name(case: str, other: VoteStore, tmp_path: Path) -> None:
    name, content = UNREADABLE[case]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ArenaError, match=name):
        import_votes(other, tmp_path / name)
    assert votes_counted(other) == 0


def test_parquet_with_other_columns_is_refused(other: VoteStore, tmp_path: Path) -> None:
    pd.DataFrame({"battle": ["x"]}).to_parquet(tmp_path / "votes.parquet")
    with pytest.raises(ArenaError, match="no column source, issued"):
        import_votes(other, tmp_path / "votes.parquet")


def test_a_file_that_cannot_be_written_leaves_the_old_one(three: VoteStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(ArenaError, match="cannot be written"):
        export_votes(three, tmp_path / "file" / "votes.csv")
    with pytest.raises(ArenaError, match=r"\.parquet or \.csv or \.jsonl"):
        export_votes(three, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Run `votes ...` on a database of its own: exit status and messages."""
    from apex_space.core import settings as module

    monkeypatch.setenv("APEX_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(module, "settings", Settings)

    def run(*arguments: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.stdout == ""
        return done.exit_code, " ".join(done.stderr.split())

    return run


def test_the_command_line_takes_votes_out_and_in(
    command: Callable[..., tuple[int, str]], three: VoteStore, tmp_path: Path
) -> None:
    file = written(three, tmp_path / "votes.jsonl", 1)
    assert command("import", file) == (0, f"{file}: 3 votes taken in, 0 were here already")
    assert command("import", file) == (0, f"{file}: 0 votes taken in, 3 were here already")
    out = tmp_path / "out.csv"
    assert command("export", out) == (0, f"{out}: 3 votes written")
    with closing(open_store(Settings(data=tmp_path / "data"))) as opened:
        assert kept(opened) == kept(three)


def test_copies_from_the_hub_are_imported_from_the_last_to_the_first(
    command: Callable[..., tuple[int, str]], three: VoteStore, tmp_path: Path
) -> None:
    shards = [tmp_path / f"votes-20261130T1{number}0000-{'0' * 32}.parquet" for number in range(2)]
    _write_shard(shards[0], to_rows(three.votes(), {}))
    battle = three.votes()[0].battle.id
    three.set_aside([battle], "a robot")
    _write_shard(shards[1], to_rows(three.votes_on([battle]), {}))
    for shard in reversed(shards):
        status, said = command("import", shard)
        assert status == 0
        assert "from the last name to the first" in said
    with closing(open_store(Settings(data=tmp_path / "data"))) as opened:
        assert [vote.suspicion for vote in opened.votes()] == [vote.suspicion for vote in three.votes()]


def test_copies_by_this_and_by_older_versions_are_imported_and_loaded_together(
    command: Callable[..., tuple[int, str]], three: VoteStore, tmp_path: Path
) -> None:
    import datasets  # here, and not in each process that collects tests: it takes seconds

    folder, (first, second, third) = tmp_path / "hub", [vote.battle.id for vote in three.votes()]
    folder.mkdir()
    three.add_tags(first, ["mix", "voice"])
    new = [folder / f"all-votes-20261130T1{number}0000-{'0' * 32}.parquet" for number in range(2)]
    _write_shard(new[0], to_rows(three.votes_on([first, second]), {}))
    three.set_aside([second], "a robot")
    _write_shard(new[1], to_rows(three.votes_on([second]), {}))
    old = folder / f"votes-20251130T100000-{'0' * 32}.parquet"
    _write_shard(old, to_rows(three.votes_on([third]), {}))
    assert list(pd.read_parquet(old).columns) == list(REQUIRED)
    for shard in (new[0], old, new[1]):
        status, said = command("import", shard)
        assert (status, "from the last name to the first" in said) == (0, shard == old)
    with closing(open_store(Settings(data=tmp_path / "data"))) as opened:
        assert kept(opened) == kept(three)
    loaded = datasets.load_dataset(str(folder), split="train", streaming=True)
    assert [(row["battle"], row["tags"]) for row in loaded] == [
        (first, "mix voice"),
        (second, ""),
        (second, ""),
        (third, None),
    ]


def test_the_command_line_says_what_is_wrong(
    command: Callable[..., tuple[int, str]], three: VoteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(three, tmp_path / "votes.jsonl", 1, winner="me")
    status, said = command("import", file)
    assert status == 1
    assert f"{file}, line 3: winner: Input should be 'a', 'b', 'tie' or 'both_bad', not 'me'" in said
    assert "nothing was taken in" in said
    assert command("import", tmp_path / "absent.csv")[0] == 2
    assert command("export", tmp_path / "votes.txt")[0] == 2
    monkeypatch.setenv("APEX_DATABASE_URL", "nonsense")
    status, said = command("export", tmp_path / "votes.csv")
    assert status == 2
    assert "APEX_DATABASE_URL" in said

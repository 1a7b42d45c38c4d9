"""A snapshot holds what counts of the days that are over, nothing about voters, and is there whole or not at all."""

import csv
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from apex_space.arena import ratings, snapshots
from apex_space.arena.ratings import RatingModel
from apex_space.arena.snapshots import write_snapshot
from apex_space.cli.arena import arena
from apex_space.core.errors import ArenaError
from apex_space.core.settings import settings
from apex_space.judges.report import to_json
from apex_space.storage.identity import DAY
from apex_space.storage.records import StoredModel, Vote
from apex_space.storage.vote_counts import tally
from apex_space.storage.vote_rows import PUBLIC
from apex_space.storage.vote_store import VoteStore, open_store
from helpers.votes import predicted, rate, simulate, stored, vote

TODAY = 20_010 * DAY
"""2024-10-14."""
NOW = TODAY + 5000
NAME = "arena-2024-10-14"
FILES = ["README.md", "leaderboard.csv", "leaderboard.json", "models.csv", "votes.csv", "votes.parquet"]


def given() -> list[Vote]:
    made = [
        *simulate(np.array([-1.0, 0.0, 1.0, 2.0]), 60, ties=0.2, judge=lambda odds: 0.5 + 0.1 * odds),
        vote(8, 9, "a", predicted(0.6), source="uploaded"),
        vote(0, 1, suspicion="too | many <b>"),
        vote(2, 3, "b", predicted(0.5)),
    ]
    return [
        replace(each, at=TODAY - (len(made) - place) * 1000, voter="secret-hash", heard=(6.25, 7.5))
        for place, each in enumerate(stored(made))
    ]


@pytest.fixture
def store(store: VoteStore) -> VoteStore:
    later = replace(stored([vote(0, 3)], 900)[0], at=TODAY + 1, voter="secret-hash")
    store.add_all([(each, ()) for each in [*given(), later]])
    for at, version in ((TODAY - 9, "before"), (TODAY + 9, "after")):
        store.add_model(StoredModel("pocket", "=w", 60, version, "{}"), at)
    return store


def card(folder: Path) -> tuple[dict[str, Any], str]:
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front), text


def test_it_holds_the_days_that_are_over_and_the_ratings_of_these_votes(store: VoteStore, tmp_path: Path) -> None:
    folder = write_snapshot(store, tmp_path / "new", NOW)
    assert folder == tmp_path / "new" / NAME
    assert sorted(file.name for file in folder.iterdir()) == FILES
    assert [each.name for each in (tmp_path / "new").iterdir()] == [NAME]
    table = pd.read_parquet(folder / "votes.parquet")
    assert list(table.columns) == list(PUBLIC)
    assert len(table) == 61
    with (folder / "votes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == table.to_dict("records")
    assert {row["day"] for row in rows} == {"2024-10-13"}
    standing = json.loads((folder / "leaderboard.json").read_text())
    assert standing["songs"] == json.loads(to_json([each.as_dict() for each in rate(given())]))
    assert standing["agreement"]["uploaded"]["votes"] == 1
    assert standing["made"] == "2024-10-14T00:00:00+00:00"
    assert "part,source,judge" in (folder / "leaderboard.csv").read_text()
    with (folder / "models.csv").open(newline="") as file:
        (model,) = csv.DictReader(file)
    assert model == {"judge": "pocket", "weights": "'=w", "votes": "60", "version": "before", "day": "2024-10-13"}


def test_ratings_are_by_the_model_of_ties_that_the_server_uses(store: VoteStore, tmp_path: Path) -> None:
    folder = write_snapshot(store, tmp_path, NOW, model=RatingModel(ties="davidson"))
    standing = json.loads((folder / "leaderboard.json").read_text())
    assert standing["ties"] == "davidson"
    expected = ratings.rate(tally(given()), model=RatingModel(ties="davidson"))
    assert standing["songs"] == json.loads(to_json([each.as_dict() for each in expected]))


def test_the_command_line_rates_by_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_DATA", str(tmp_path))
    monkeypatch.setenv("APEX_TIES", "davidson")
    monkeypatch.delenv("APEX_DATABASE_URL", raising=False)
    settings.cache_clear()
    with closing(open_store(settings())) as opened:
        opened.add_all([(each, ()) for each in given()])
    done = CliRunner().invoke(arena, ["snapshot", "--out", str(tmp_path / "out")])
    settings.cache_clear()
    assert done.exit_code == 0
    (written,) = (tmp_path / "out").glob("*/leaderboard.json")
    assert json.loads(written.read_text())["ties"] == "davidson"


def test_the_card_says_what_counts_and_why_the_rest_does_not(store: VoteStore, tmp_path: Path) -> None:
    front, text = card(write_snapshot(store, tmp_path, NOW, "cc0-1.0"))
    assert front["license"] == "cc0-1.0"
    assert [each["data_files"] for each in front["configs"]] == ["votes.parquet", "models.csv"]
    assert "61 votes on songs of the pool that count" in text
    assert "63 votes were cast before 2024-10-14. 62 of them count." in text
    assert "| too &#124; many &lt;b&gt; | 1 |" in text
    store.restore(["battle61"])
    _, text = card(write_snapshot(store, tmp_path / "again", NOW))
    assert "63 of them count.\n" in text
    assert "| reason |" not in text


def test_it_holds_nothing_about_voters(store: VoteStore, tmp_path: Path) -> None:
    folder = write_snapshot(store, tmp_path, NOW)
    for file in folder.iterdir():
        for private in (b"secret-hash", b"battle1", b"6.25", b"7.5", str(int(given()[-1].at)).encode()):
            assert private not in file.read_bytes(), file


def test_nothing_is_overwritten(store: VoteStore, tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to(tmp_path / "nowhere")
    with pytest.raises(ArenaError, match="never written over"):
        write_snapshot(store, tmp_path, NOW)
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("arena-")] == [NAME]


@pytest.mark.parametrize("error", [OSError("the disk is full"), KeyboardInterrupt()])
def test_what_fails_leaves_nothing(
    error: BaseException, store: VoteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr(snapshots, "to_csv", fail)
    with pytest.raises(ArenaError if isinstance(error, OSError) else KeyboardInterrupt):
        write_snapshot(store, tmp_path / "new", NOW)
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("licence", ["", "cc0\nevil: yes", "CC BY"])
def test_a_licence_is_one_word(licence: str, store: VoteStore, tmp_path: Path) -> None:
    with pytest.raises(ArenaError, match="is no licence"):
        write_snapshot(store, tmp_path / "new", NOW, licence)
    assert not (tmp_path / "new").exists()


def test_without_votes_of_past_days_there_is_nothing_to_write(store: VoteStore, tmp_path: Path) -> None:
    with pytest.raises(ArenaError, match="no votes of the days"):
        write_snapshot(store, tmp_path / "new", given()[0].at)
    assert not (tmp_path / "new").exists()

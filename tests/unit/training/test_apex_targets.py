"""Counts to scores and a split: the formula, nothing known of held-out songs, no song on two sides, faults by line."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space.core.errors import TrainingError
from apex_space.training import table
from apex_space.training.apex import targets
from apex_space.training.apex.targets import AESTHETICS, TargetSettings, make_targets, percentiles
from helpers.apex_training import rows, write
from helpers.command_line import run

Row = dict[str, Any]


def counts(number: int = 60) -> list[Row]:
    rng = np.random.default_rng(3)
    return [
        {
            "id": f"s{n:04d}",
            "platform": ("suno", "udio")[n % 2],
            "plays": int(rng.lognormal(5 + 2 * (n % 2), 2)),
            "likes": int(rng.lognormal(2, 1)),
            "artist": f"artist {n % 13}",
        }
        for n in range(number)
    ]


def saved(content: list[Row], folder: Path, name: str = "counts.csv") -> Path:
    with (folder / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, content[0])
        writer.writeheader()
        writer.writerows(content)
    return folder / name


def test_equal_counts_get_the_middle_of_their_percentiles() -> None:
    among = np.array([1.0, 2, 2, 4])
    values = np.array([0.0, 1, 2, 3, 4, 5])
    assert percentiles(values, among, "low").tolist() == [0, 0, 0.25, 0.75, 0.75, 1]
    assert percentiles(values, among, "mid").tolist() == [0, 0.125, 0.5, 0.75, 0.875, 1]
    assert percentiles(values, among, "high").tolist() == [0, 0.25, 0.75, 0.75, 1, 1]


@given(st.lists(st.integers(0, 20), min_size=1), st.lists(st.integers(0, 20), min_size=1))
def test_percentiles_keep_the_order(values: list[int], among: list[int]) -> None:
    ordered = np.sort(np.array(values))
    found = percentiles(ordered, np.array(among), "mid")
    assert (np.diff(found) >= 0).all()
    assert (found >= 0).all()
    assert (found <= 1).all()


def test_scores_are_powers_of_percentiles_among_the_training_songs_of_a_platform(tmp_path: Path) -> None:
    content = counts()
    made, manifest = make_targets(saved(content, tmp_path), TargetSettings(gamma=3.0))
    assert (manifest.settings.gamma, manifest.percentiles_of) == (3.0, "train")
    for song, row in zip(made, content, strict=True):
        among = [
            other["plays"]
            for target, other in zip(made, content, strict=True)
            if target.split == "train" and target.platform == song.platform
        ]
        below, same = sum(a < row["plays"] for a in among), sum(a == row["plays"] for a in among)
        assert song.score_streams == pytest.approx(100 * ((below + same / 2) / len(among)) ** 3)
    pooled, _ = make_targets(saved(content, tmp_path), TargetSettings(gamma=3.0, per_platform=False))
    assert [song.split for song in pooled] == [song.split for song in made]
    assert [song.score_streams for song in pooled] != [song.score_streams for song in made]


def test_held_out_songs_do_not_move_the_scores_of_others(tmp_path: Path) -> None:
    content = counts()
    before, _ = make_targets(saved(content, tmp_path), TargetSettings())
    for song, row in zip(before, content, strict=True):
        if song.split == "test":
            row["plays"] += 1_000_000
    after, _ = make_targets(saved(content, tmp_path), TargetSettings())
    assert [song.score_streams for song in before if song.split != "test"] == [
        song.score_streams for song in after if song.split != "test"
    ]


def test_the_split_has_its_shares_and_follows_the_seed_alone(tmp_path: Path) -> None:
    content = counts()
    made, manifest = make_targets(saved(content, tmp_path), TargetSettings())
    assert {part: sum(by.values()) for part, by in manifest.songs.items()} == {"train": 48, "val": 6, "test": 6}
    shuffled, _ = make_targets(saved(content[::-1], tmp_path), TargetSettings())
    assert {song.id: song.split for song in made} == {song.id: song.split for song in shuffled}
    other, _ = make_targets(saved(content, tmp_path), TargetSettings(seed=1))
    assert [song.split for song in made] != [song.split for song in other]


def test_a_group_and_a_song_on_two_platforms_stay_on_one_side(tmp_path: Path) -> None:
    content = counts()
    content += [row | {"platform": "youtube"} for row in content[:30]]
    for settings, key in ((TargetSettings(), "id"), (TargetSettings(group="artist", shares=(0.6, 0.2, 0.2)), "group")):
        made, _ = make_targets(saved(content, tmp_path), settings)
        sides: dict[str, set[str]] = {}
        for song in made:
            sides.setdefault(getattr(song, key), set()).add(song.split)
        assert {len(side) for side in sides.values()} == {1}
        assert {song.split for song in made} == {"train", "val", "test"}


def changed(place: int, **cells: Any) -> Callable[[list[Row]], list[Row]]:
    return lambda content: [row | (cells if number == place else {}) for number, row in enumerate(content)]


def with_split(content: list[Row]) -> list[Row]:
    return [row | {"split": table.PARTS[number % 3]} for number, row in enumerate(content)]


FAULTS: dict[str, tuple[Callable[[list[Row]], list[Row]], TargetSettings, str]] = {
    "doubled": (changed(3, id="s0001"), TargetSettings(), r"has the song s0001 twice"),
    "no id": (changed(3, id=""), TargetSettings(), r"line 5 has no id"),
    "negative": (changed(3, plays=-1), TargetSettings(), r"line 5: its number of streams is '-1', not a count"),
    "no number": (changed(3, likes="many"), TargetSettings(), r"line 5: its number of likes is 'many'"),
    "half the aesthetics": (
        lambda content: [row | {"clarity": 3} for row in content], TargetSettings(), r"line 2 has clarity alone"
    ),
    "an aesthetic out of range": (
        lambda content: [row | dict.fromkeys(AESTHETICS, 7) for row in content],
        TargetSettings(),
        r"line 2: coherence is '7', not a number from 1 to 5",
    ),
    "an exponent that is no number": (lambda content: content, TargetSettings(gamma=float("nan")), r"The exponent"),
    "no such group": (lambda content: content, TargetSettings(group="Label"), r"line 2 has no column label"),
    "one group": (lambda content: content, TargetSettings(group="plays", shares=(0.99, 0.005, 0.005)), r"No song"),
    "two groups": (
        changed(3, id="s0001", platform="suno"), TargetSettings(group="artist"), r"s0001 is in the groups artist 1 and"
    ),
    "a song on two sides": (
        lambda content: changed(3, id="s0001", platform="suno")(with_split(content)),
        TargetSettings(),
        r"The song s0001 would be in val and in train",
    ),
    "a group on two sides": (with_split, TargetSettings(group="artist"), r"The group artist 0 would be in"),
    "another part": (changed(3, split="dev"), TargetSettings(), r"split is 'dev'"),
    "no exponent": (lambda content: content, TargetSettings(gamma=0), r"The exponent and the three shares must"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told_with_their_line(fault: str, tmp_path: Path) -> None:
    spoil, settings, said = FAULTS[fault]
    content = spoil(counts())
    names = dict.fromkeys(name for row in content for name in row)
    source = saved([dict.fromkeys(names, "") | row for row in content], tmp_path)
    with pytest.raises(TrainingError, match=said):
        make_targets(source, settings)


@pytest.mark.parametrize(
    "cells",
    [
        {"plays": True},
        {"plays": 10**400},
        {"songeval_scores": {"clarity": 10**400}},
        {"id": "\ud83c"},
        {"platform": "\ud83c"},
    ],
)
def test_what_json_alone_can_hold_is_refused(cells: Row, tmp_path: Path) -> None:
    source = tmp_path / "counts.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in changed(3, **cells)(counts())))
    done = run("targets", source, "--out", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    target = {"score_likes": 1, "split": "val"} | cells | {"score_streams": cells.get("plays")}
    source.write_text(json.dumps({"id": "a"} | target))
    if "id" not in cells:
        with pytest.raises(TrainingError):
            table.read_targets(source)


def test_targets_know_a_song_by_the_first_id_that_is_not_blank(tmp_path: Path) -> None:
    source = tmp_path / "targets.jsonl"
    ids: list[Row] = [{"id": 0}, {"audio_id": " ", "song_id": "a"}, {"id": "b", "track_id": "c"}]
    source.write_text("".join(f"{json.dumps(row | {'split': 'val'})}\n" for row in ids))
    assert {identity for identity, _ in table.read_targets(source)} == {"0", "a", "b"}
    source.write_text("".join(f"{json.dumps(row | {'plays': 1, 'likes': 1})}\n" for row in ids))
    assert [song.id for song in targets.read(source)] == ["0", "a", "b"]


def test_a_message_that_quotes_a_table_is_one_line_that_controls_no_terminal(tmp_path: Path) -> None:
    source = tmp_path / "counts.jsonl"
    source.write_text(2 * (json.dumps({"id": "a\x1b[31m\nb", "plays": 1, "likes": 1}) + "\n"))
    done = run("targets", source, "--out", tmp_path)
    assert done.stderr == f"{source} has the song a\\x1b[31m\\x0ab twice. Keep one of its rows.\n"
    done = run("train", "apex", "a" * 5000, "--out", tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "is too long for the name of a file" in done.stderr


def test_the_command_writes_what_train_reads(tmp_path: Path) -> None:
    content = rows(60, 1, "s")
    by_id = {row["audio_id"]: row for row in content}
    plays = [
        row
        | {"songeval_scores": json.dumps(by_id[row["id"]]["songeval_scores"]), "platform": by_id[row["id"]]["platform"]}
        for row in counts()
    ]
    bare = [{key: row[key] for key in ("audio_id", "segment_id", "segment_embedding")} for row in content]
    write(tmp_path / "segments" / "segments-00001.parquet", bare)
    out = tmp_path / "targets"
    done = run("targets", saved(plays, tmp_path), "--out", out, "--group", "artist", "--val", 0.2, "--test", 0.2)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((out / "targets.json").read_text())
    assert manifest["settings"]["group"] == "artist"
    assert len(manifest["sha256"]) == 64
    split = table.load(tmp_path / "segments", ("streams", "clarity"), out / "targets.jsonl")
    table.check_labels(split.songs())
    assert {part: len(each.keys()) for part, each in split.parts()} == {
        part: sum(by.values()) for part, by in manifest["songs"].items()
    }
    again = run("targets", tmp_path / "counts.csv", "--out", out)
    assert again.returncode == 0
    itself = run("targets", out / "targets.jsonl", "--out", out)
    assert (itself.returncode, itself.stderr.count("\n")) == (1, 1)
    assert "would replace" in itself.stderr
    (out / "targets.json").unlink()
    before = (out / "targets.jsonl").read_text()
    foreign = run("targets", tmp_path / "counts.csv", "--out", out)
    assert (foreign.returncode, (out / "targets.jsonl").read_text()) == (1, before)
    assert "targets.jsonl is there and not from here" in foreign.stderr
    (out / "targets.json").write_text("{}")
    refused = run("targets", tmp_path / "counts.csv", "--out", out)
    assert refused.returncode == 1
    assert "not from here" in refused.stderr

"""`arena snapshot`: it is written, and uploaded by the Hub's real client, whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apex_space.storage.vote_store import VoteStore
from helpers.database import sqlite
from helpers.dataset_server import Datasets, serve
from helpers.forked import Program
from helpers.votes import stored, vote


@pytest.fixture
def hub() -> Iterator[Datasets]:
    with serve() as running:
        yield running


def snapshot(folder: Path, hub: Datasets, *options: str) -> tuple[int, str]:
    """Exit status of the command, run in `folder`, and all that it writes."""
    names = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "home"), "HF_TOKEN": "token-of-ours"}
    names |= {"APEX_DATABASE_URL": sqlite(folder), "APEX_DATA": str(folder)}
    code = f"from apex_space.cli import app; app({['arena', 'snapshot', '--out', str(folder / 'out'), *options]!r})"
    log = folder / "log"
    log.write_text("")
    done = Program(("-c", code), os.environ | names, log)
    return done.wait(100), log.read_text()


def test_a_snapshot_is_uploaded_once_and_its_card_becomes_the_datasets(hub: Datasets, tmp_path: Path) -> None:
    name = f"arena-{datetime.now(UTC):%Y-%m-%d}"
    status, said = snapshot(tmp_path, hub)
    assert (status, said) == (2, "There are no votes of the days that are over (UTC).\n")
    with closing(VoteStore(sqlite(tmp_path))) as store:
        store.add_all([(replace(each, at=1e9), ()) for each in stored([vote(0, 1)] * 3)])
    hub.status = {"/commit/main": 403}
    status, said = snapshot(tmp_path, hub, "--repo", "people/arena")
    assert status == 2
    assert "people/arena took no snapshot: the Hub answered 403" in said
    assert list((tmp_path / "out").iterdir()) == []
    hub.status = {}
    folder = tmp_path / "out" / name
    assert snapshot(tmp_path, hub, "--repo", "people/arena", "--licence", "cc0-1.0") == (
        0,
        f"{folder}: written, and uploaded to people/arena\n",
    )
    assert hub.made_with["visibility"] == "private"
    card = hub.files.pop("README.md").decode()
    assert f"data_files: {name}/votes.parquet" in card
    assert hub.files == {f"{name}/{file.name}": file.read_bytes() for file in folder.iterdir()}
    folder.rename(tmp_path / "elsewhere")
    status, said = snapshot(tmp_path, hub, "--repo", "people/arena")
    assert (status, said) == (2, f"people/arena took no snapshot: it has {name} already.\n")
    assert len(hub.commits) == 1
    assert snapshot(tmp_path, hub) == (0, f"{folder}: written\n")

"""Writes what the arena knows of the days that are over as a folder for everybody, whose name has the date.

It holds nothing about voters. A snapshot is written whole or not at all, and never over something.
"""

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from .. import __version__
from ..core.errors import ArenaError
from ..core.files import new_folder
from ..core.text import escape_formula, sanitize
from ..judges.report import to_json
from ..storage.hub_sync import upload_snapshot
from ..storage.identity import DAY
from ..storage.records import StoredModel, Vote
from ..storage.vote_io import BATCH, write_parquet
from ..storage.vote_rows import PUBLIC, print_public_csv, public_rows
from ..storage.vote_store import VoteStore
from .leaderboard import EVER, LeaderboardService, LeaderboardSnapshot
from .leaderboard_csv import to_csv
from .learning import ALL
from .not_counted import NotCounted
from .ratings import MODEL, RatingModel

LICENCE = "cc-by-4.0"
LICENCES = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}")
"""What a licence's identifier on the Hub looks like."""
MODEL_COLUMNS = ("judge", "weights", "votes", "version", "day")
CARD = """---
license: {licence}
pretty_name: {title}
tags:
- music
- preference
configs:
- config_name: votes
  data_files: {folder}votes.parquet
- config_name: models
  data_files: {folder}models.csv
---

# {title}

People listened to two songs without knowing where they came from, and voted for one of them. This is what all votes
before {day} (UTC) say, as version {version} of the software counts them.

| file | content |
|---|---|
| `votes.parquet`, `votes.csv` | {rows} on songs of the pool that count |
| `leaderboard.csv`, `leaderboard.json` | ratings, and how often judges foresaw the votes, with 95% intervals |
| `models.csv` | the versions of the models that learned from the votes |

## Votes

A row is one vote: its day, the winner (`a`, `b`, `tie` or `both_bad`), both songs, and what each judge had predicted
before the vote (JSON; `probability` is that of A, with its 95% interval). The sides are random. The id of a song is the
SHA-256 of its decoded samples.

The rows hold nothing about voters: no address, no hash, no time within a day. Their order means nothing. For the same
reason the predictions do not name the version of a learned model. Votes on visitors' own songs are not in the rows, and
are only counted in the leaderboard's agreement.

## What counts

{total} votes were cast before {day}. {counting} of them count.{reasons}

## How to read it

- A rating is the chance to be preferred to an average song of the pool, by a Bradley-Terry model of the votes.
- A rating with few votes is a guess: look at its interval. Ranks are ranges.
- Songs do not meet equally often: songs with few votes or an uncertain rating are drawn more often. Shares of wins are
  therefore no ratings.
- Voters are whoever came. They do not stand for all listeners.
- The licence is that of the votes and figures. The songs themselves are not here.
"""


def write_snapshot(
    store: VoteStore,
    parent: Path,
    now: float,
    licence: str = LICENCE,
    repository: str | None = None,
    model: RatingModel = MODEL,
) -> Path:
    """Write a snapshot of the votes before the day of `now` (seconds since 1970) to a new folder in `parent`.

    If a dataset is named as `repository`, the snapshot is uploaded there, too. Return the folder. Raises ArenaError if
    there are no such votes, if the folder is there or cannot be written, or if the upload fails; StoreError.
    """
    if not LICENCES.fullmatch(licence):
        raise ArenaError("{licence} is no licence as the Hub names them, such as cc-by-4.0.", licence=licence)
    start = now // DAY * DAY
    day = f"{datetime.fromtimestamp(start, UTC):%Y-%m-%d}"
    folder = parent / f"arena-{day}"
    if os.path.lexists(folder):
        raise ArenaError("{path} is there. A snapshot is never written over something.", path=folder)
    votes = [vote for vote in store.votes() if vote.at < start]
    if not votes:
        raise ArenaError("There are no votes of the days that are over (UTC).")
    standing, counted = _measure(votes, model)
    models = [(model, at) for model, at in store.models() if at < start]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as part:
            _write(part, standing, counted, models, start)
            card = partial(_card, standing.not_counted, len(counted), day, licence)
            (part / "README.md").write_text(card(""), encoding="utf-8")
            if repository is not None:
                upload_snapshot(part, folder.name, card(f"{folder.name}/"), repository)
    except ConnectionError as error:
        raise ArenaError("{repository} took no snapshot: {reason}.", repository=repository, reason=error) from error
    except OSError as error:
        raise ArenaError("{path} cannot be written: {reason}.", path=folder, reason=error.strerror or error) from error
    return folder


def _measure(votes: Sequence[Vote], model: RatingModel) -> tuple[LeaderboardSnapshot, list[Vote]]:
    """Return the leaderboard of these votes, and those on songs of the pool that count.

    They go through a database of their own, which nobody else can read and which is deleted, so that the figures are
    computed exactly as the server does.
    """
    with TemporaryDirectory() as folder, closing(VoteStore(f"sqlite:///{folder}/votes.sqlite3")) as store:
        for first in range(0, len(votes), BATCH):
            store.add_all([(vote, ()) for vote in votes[first : first + BATCH]])
        return LeaderboardService(store, model=model).refit(), store.latest(ALL, EVER)


def _write(
    folder: Path,
    standing: LeaderboardSnapshot,
    votes: Iterable[Vote],
    models: Iterable[tuple[StoredModel, float]],
    start: float,
) -> None:
    rows = public_rows(votes)
    write_parquet(folder / "votes.parquet", rows, PUBLIC)
    with (folder / "votes.csv").open("w", encoding="utf-8", newline="") as file:
        print_public_csv(file, rows)
    (folder / "leaderboard.csv").write_text(to_csv(standing), encoding="utf-8", newline="")
    made = {"version": __version__, "made": datetime.fromtimestamp(start, UTC).isoformat(timespec="seconds")}
    (folder / "leaderboard.json").write_text(
        to_json(made | standing.as_dict() | {"at": int(start)}), encoding="utf-8", newline=""
    )
    with (folder / "models.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(MODEL_COLUMNS)
        for model, at in models:
            texts = map(escape_formula, (model.judge, model.revision))
            writer.writerow((*texts, model.decided, model.version, f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"))


def _card(found: NotCounted, rows: int, day: str, licence: str, folder: str) -> str:
    """Return the text of the dataset's card. `folder` is where the files are, as seen from the card."""
    return CARD.format(
        licence=licence,
        title=f"Votes of a music arena before {day}",
        folder=folder,
        day=day,
        version=__version__,
        rows=f"{rows:,} votes",
        total=f"{found.votes:,}",
        counting=f"{found.votes - found.total:,}",
        reasons=_reasons(found.reasons),
    )


def _reasons(reasons: Mapping[str, int]) -> str:
    """Return a table of the reasons why votes do not count, some of which an operator wrote."""
    if not reasons:
        return ""
    rows = [f"| {escape(sanitize(reason)).replace('|', '&#124;')} | {votes:,} |" for reason, votes in reasons.items()]
    return "\n\n".join((" The others do not count, because of:", "\n".join(("| reason | votes |", "|---|---|", *rows))))

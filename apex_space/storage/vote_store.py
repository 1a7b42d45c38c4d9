"""Stores battles, votes, judges' scores and models in the database. Only old models' texts are ever emptied.

A vote is never changed. It can be set aside later and restored: each time a row is added to the table of changes, and
the newest one says whether the vote counts, whatever the vote's own suspicion is.

Their counts (vote_counts.py) are kept beside them. A song keeps the texts that it was first stored with, even if later
battles have other texts for it. The same holds for each of its kinds.
"""

import json
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import chain

from sqlalchemy import URL, Connection, text

from ..core.errors import AlreadyVoted, StoreError, UnknownBattle
from ..core.settings import Settings
from .database import Database, Parameters, keep_other_writers_out, storable, write
from .records import (
    AGAIN,
    BY_VOTERS,
    TEXTS,
    Battle,
    Prediction,
    Side,
    Song,
    SongScores,
    Source,
    StoredModel,
    Tag,
    Vote,
    Winner,
)
from .vote_counts import (
    VoteCounts,
    add_counts,
    clear_counts,
    delete_empty,
    read_counts,
    read_kinds,
    read_predicted,
    read_votes_per_song,
    tally,
)

FILE = "arena.sqlite3"
KEPT_TEXTS = 20
"""Number of older models whose texts are kept, of each judge and revision."""
DatedScores = tuple[float, SongScores]
"""The time when a judge's scores of a song were first known (seconds since 1970), and the scores."""

ADD_SONG = (
    "INSERT INTO songs (id, title, generator, prompt) VALUES (:id, :title, :generator, :prompt) ON CONFLICT DO NOTHING"
)
ADD_KIND = "INSERT INTO song_kinds (song, name, value) VALUES (:song, :name, :value) ON CONFLICT DO NOTHING"
ADD_BATTLE = (
    "INSERT INTO battles (id, a, b, source, issued, predictions)"
    " VALUES (:id, :a, :b, :source, :issued, :predictions) ON CONFLICT DO NOTHING"
)
ADD_SCORES = (
    "INSERT INTO scores (song, judge, revision, at, scores) VALUES (:song, :judge, :revision, :at, :scores)"
    " ON CONFLICT DO NOTHING"
)
ADD_FETCH = "INSERT INTO fetches (battle, side, at) VALUES (:battle, :side, :at) ON CONFLICT DO NOTHING"
ADD_VOTE = (
    "INSERT INTO votes (battle, winner, at, heard_a, heard_b, voter, suspicion)"
    " SELECT :battle, :winner, :at, :heard_a, :heard_b, :voter, :suspicion"
    " WHERE EXISTS (SELECT 1 FROM battles WHERE id = :battle AND a = :a AND b = :b) ON CONFLICT DO NOTHING"
)
CLAIM = (
    "INSERT INTO copies (battle, shard) SELECT battle, :shard FROM votes"
    " WHERE NOT EXISTS (SELECT 1 FROM copies WHERE copies.battle = votes.battle) ORDER BY battle ON CONFLICT DO NOTHING"
)
CLAIM_CHANGES = (
    "INSERT INTO changes_copied (battle, at, shard) SELECT battle, at, :shard FROM vote_changes AS changed"
    " WHERE NOT EXISTS (SELECT 1 FROM changes_copied AS copied"
    " WHERE copied.battle = changed.battle AND copied.at = changed.at) ORDER BY battle, at ON CONFLICT DO NOTHING"
)
CLAIM_TAGS = (
    "INSERT INTO tags_copied (battle, shard) SELECT DISTINCT battle, :shard FROM vote_tags"
    " WHERE NOT EXISTS (SELECT 1 FROM tags_copied WHERE tags_copied.battle = vote_tags.battle)"
    " ORDER BY battle ON CONFLICT DO NOTHING"
)
ADD_CHANGE = "INSERT INTO vote_changes (battle, at, reason) VALUES (:battle, :at, :reason)"
ADD_TAG = "INSERT INTO vote_tags (battle, tag) VALUES (:battle, :tag) ON CONFLICT DO NOTHING"
TAGS_OF = "SELECT battle, tag FROM vote_tags WHERE battle IN ({}) ORDER BY tag"
ADD_MODEL = (
    "INSERT INTO models (judge, revision, decided, version, at, model, changes)"
    " VALUES (:judge, :revision, :decided, :version, :at, :model, :changes)"
    " ON CONFLICT (judge, revision, decided, version) DO UPDATE"
    " SET changes = excluded.changes, model = excluded.model WHERE excluded.changes > models.changes"
)
"""If votes are set aside and restored, the same model may be learned again. It then is the newest one again."""
ADD_SENT = "INSERT INTO sent (shard) VALUES (:shard) ON CONFLICT DO NOTHING"

CHANGE = "(SELECT {} FROM vote_changes AS c WHERE c.battle = votes.battle ORDER BY c.at DESC LIMIT 1)"
VOTES = (
    "(SELECT battle, winner, at, heard_a, heard_b, voter,"
    f" coalesce({CHANGE.format('c.reason')}, suspicion) AS suspicion, coalesce({CHANGE.format('c.at')}, 0.0) AS changed"
    " FROM votes) AS votes"
)
"""The votes with the reason why each of them does not count now, and when that was changed last, 0 if never."""
WINS_WITH_TAGS = (
    f" FROM vote_tags JOIN {VOTES} ON votes.battle = vote_tags.battle JOIN battles ON battles.id = votes.battle"
    " JOIN songs ON songs.id = CASE votes.winner WHEN 'a' THEN battles.a ELSE battles.b END"
    " WHERE battles.source = 'pool' AND votes.suspicion = '' AND songs.generator <> '' GROUP BY songs.generator"
)
"""The tags of counted votes in the pool, by the winner's generator. Only votes for one of the songs have any."""
SHARDS = (
    "(SELECT battle, shard FROM copies UNION ALL SELECT battle, shard FROM changes_copied"
    " UNION ALL SELECT battle, shard FROM tags_copied) AS shards"
)
IN_SHARD = f"SELECT battle FROM {SHARDS} WHERE shard = :shard"
ALL = "SELECT battle FROM votes"
ON_BATTLES = f"FROM {VOTES} JOIN battles ON battles.id = votes.battle"
LATEST = (
    f"SELECT votes.battle {ON_BATTLES}"
    " WHERE battles.source = 'pool' AND votes.suspicion = '' AND votes.at < :before"
    " ORDER BY votes.at DESC, votes.battle LIMIT :most"
)
NEWEST_CHOICES = (
    f"SELECT battles.a, battles.b, votes.winner {ON_BATTLES}"
    " WHERE battles.source = 'pool' AND votes.suspicion = '' AND votes.winner IN ('a', 'b')"
    " ORDER BY votes.at DESC, votes.battle DESC LIMIT :most"
)
NEWEST_BALLOTS = (
    f"SELECT battles.a, battles.b, votes.winner, votes.voter {ON_BATTLES}"
    " WHERE battles.source = 'pool' AND votes.suspicion = ''"
    " ORDER BY votes.at DESC, votes.battle DESC LIMIT :most"
)
NEWEST_REASONS = (
    f"SELECT suspicion, voter FROM {VOTES} WHERE changed = 0 AND suspicion NOT IN {BY_VOTERS}"
    " ORDER BY votes.at DESC, votes.battle DESC LIMIT :most"
)
HAS_VOTED = (
    f"SELECT EXISTS (SELECT 1 {ON_BATTLES} WHERE votes.voter = :voter AND votes.suspicion = ''"
    " AND ((battles.a = :a AND battles.b = :b) OR (battles.a = :b AND battles.b = :a)))"
)
PAIRS_OF = f"SELECT battles.a, battles.b {ON_BATTLES} WHERE votes.voter = :voter ORDER BY votes.at DESC LIMIT :most"
VOTED = (
    "(EXISTS (SELECT 1 FROM pair_votes WHERE a = scores.song)"
    " OR EXISTS (SELECT 1 FROM pair_votes WHERE b = scores.song))"
)
"""Condition for scores of songs with good votes in the pool."""
VOTED_REVISION = (
    "SELECT revision FROM (SELECT revision, at, row_number() OVER (PARTITION BY song ORDER BY at DESC) AS place"
    f" FROM scores WHERE judge = :judge AND {VOTED}) AS ordered"
    " WHERE place = 1 GROUP BY revision ORDER BY count(*) DESC, max(at) DESC, revision LIMIT 1"
)
NEWEST_MODEL = (
    "SELECT decided, version, CASE WHEN version = :known THEN '' ELSE model END, changes FROM models"
    " WHERE judge = :judge AND revision = :revision"
    " ORDER BY changes DESC, decided DESC, version DESC LIMIT 1"
)
EMPTY_OLD_TEXTS = (
    "UPDATE models SET model = '' WHERE judge = :judge AND revision = :revision AND model <> ''"
    " AND (changes, decided) <"
    " (SELECT changes, decided FROM models WHERE judge = :judge AND revision = :revision"
    " ORDER BY changes DESC, decided DESC, version DESC LIMIT 1 OFFSET :kept)"
)
THESE = {
    "sqlite": "SELECT value FROM json_each(:ids)",
    "postgresql": "SELECT jsonb_array_elements_text(CAST(:ids AS jsonb))",
}
"""Query for the battles in a JSON list `ids`, by the database's dialect."""
NEXT = "SELECT battle FROM votes WHERE battle > :after ORDER BY battle LIMIT 5000"
ALL_COUNTED = (
    "SELECT number = (SELECT coalesce(sum(votes + suspicious), 0) FROM vote_totals)"
    " AND number = (SELECT coalesce(sum(votes), 0) FROM vote_reasons)"
    " FROM (SELECT count(*) AS number FROM votes) AS votes"
)


class VoteStore(Database):
    """The database's tables of battles, votes and scores. All methods raise StoreError."""

    after_vote: Callable[[], object] | None = None
    """Function to call after each added vote, in the voter's thread. It must return at once and must not fail."""

    def add_battle(self, battle: Battle, scored: Iterable[SongScores] = ()) -> None:
        """Store a battle with its predictions, and those of the judges' scores of its songs that are new."""
        with self.transaction(writing=True) as connection:
            if not _add_battles(connection, [(battle, [(battle.issued, each) for each in scored])]):
                raise StoreError(
                    "There is a battle {battle} already. Issue each one under an id of its own.", battle=battle.id
                )

    def battle(self, id: str) -> Battle | None:
        """Return the battle `id`, or None if there is none. The id may be any text from outside."""
        if not storable(id):
            return None
        with self.transaction() as connection:
            return _battle(connection, id)

    def add_fetch(self, battle: str, side: Side, at: float) -> None:
        """Store when a side of a battle was fetched, if it was not fetched before."""
        with self.transaction(writing=True) as connection:
            write(connection, ADD_FETCH, [{"battle": battle, "side": side, "at": at}])

    def fetches(self, battle: str) -> dict[Side, float]:
        """Return when the sides of a battle were first fetched, of those that were."""
        with self.transaction() as connection:
            rows = connection.execute(text("SELECT side, at FROM fetches WHERE battle = :battle"), {"battle": battle})
            return {row.side: row.at for row in rows}

    def forget_fetches(self, before: float) -> None:
        """Delete the fetches before a time."""
        with self.transaction(writing=True) as connection:
            connection.execute(text("DELETE FROM fetches WHERE at < :before"), {"before": before})

    def add_vote(self, vote: Vote) -> Vote:
        """Store a vote, which is on disk when this method returns, and return it as it was stored.

        Of a voter's votes on the same two songs only one counts. The others are stored with the reason AGAIN. Raises
        UnknownBattle and AlreadyVoted.
        """
        with self.transaction(writing=True) as connection:
            if vote.voter and not vote.suspicion and _has_voted(connection, vote):
                vote = replace(vote, suspicion=AGAIN)
            if not write(connection, ADD_VOTE, [_vote_row(vote)]):
                known = _battle(connection, vote.battle.id)
                if known is None or (known.a.id, known.b.id) != (vote.battle.a.id, vote.battle.b.id):
                    raise UnknownBattle("There is no such battle. Take the next one.")
                raise AlreadyVoted("This battle has its vote, and a vote is never changed. Take the next one.")
            add_counts(connection, tally(_votes_on(connection, [vote.battle.id])))
        if self.after_vote is not None:
            self.after_vote()
        return vote

    def pairs_of(self, voter: str, most: int) -> list[tuple[str, str]]:
        """Return the ids of A and B of the newest `most` votes of a voter, whether they count or not."""
        with self.transaction() as connection:
            return [(a, b) for a, b in connection.execute(text(PAIRS_OF), {"voter": voter, "most": most})]

    def add_all(self, votes: Collection[tuple[Vote, Iterable[DatedScores]]]) -> int:
        """Store votes with their battles and scores, all of them or none, and return how many votes are new.

        If a given vote was set aside or restored later than the one here, the one here is, too.
        """
        with self.transaction(writing=True) as connection:
            keep_other_writers_out(connection, "votes")
            _add_battles(connection, [(vote.battle, dated) for vote, dated in votes])
            ids = [vote.battle.id for vote, _ in votes]
            known = _voted(connection, ids)
            write(connection, ADD_VOTE, [_vote_row(vote) for vote, _ in votes])
            new = _voted(connection, ids) - known
            add_counts(connection, tally(_votes_on(connection, new)))
            given = sorted((vote for vote, _ in votes if vote.changed), key=lambda vote: vote.changed)
            newest = {vote.battle.id: vote for vote in given}
            here = _votes_on(connection, newest)
            _change(connection, [newest[old.battle.id] for old in here if newest[old.battle.id].changed > old.changed])
            tags = [{"battle": vote.battle.id, "tag": tag} for vote, _ in votes for tag in vote.tags]
            there = _voted(connection, {row["battle"] for row in tags})
            write(connection, ADD_TAG, [row for row in tags if row["battle"] in there])
            return len(new)

    def set_aside(self, battles: Collection[str], reason: str) -> int:
        """Let the votes on these battles no longer count, for a reason. Return how many of them counted before.

        A vote that does not count keeps its own reason. Several processes may do this at once.
        """
        if not reason:
            raise StoreError("A vote is set aside for a reason. Give one.")
        return self._set_reason(battles, reason)

    def restore(self, battles: Collection[str]) -> int:
        """Let the votes on these battles count, also those that never did. Return how many did not count before."""
        return self._set_reason(battles, "")

    def _set_reason(self, battles: Collection[str], reason: str) -> int:
        """Change the votes on these battles that count, or, where `reason` is empty, those that do not."""
        with self.transaction(writing=True) as connection:
            keep_other_writers_out(connection, "votes")
            now = time.time()
            changed = [
                replace(vote, suspicion=reason, changed=max(now, math.nextafter(vote.changed, math.inf)))
                for vote in _votes_on(connection, battles)
                if bool(vote.suspicion) != bool(reason)
            ]
            _change(connection, changed)
            return len(changed)

    def add_tags(self, battle: str, tags: Iterable[Tag]) -> bool:
        """Store why the vote on a battle was cast. Return False if that is known already, and change nothing."""
        with self.transaction(writing=True) as connection:
            keep_other_writers_out(connection, "vote_tags")
            if _tags(connection, *_these(connection, [battle])):
                return False
            write(connection, ADD_TAG, [{"battle": battle, "tag": tag} for tag in sorted(tags)])
            return True

    def tags_of_wins(self) -> dict[str, tuple[int, dict[Tag, int]]]:
        """Return, for each generator, how many counted votes for its songs have tags, and how many have each tag."""
        with self.transaction() as connection:
            votes = connection.execute(
                text("SELECT songs.generator, count(DISTINCT votes.battle)" + WINS_WITH_TAGS)
            ).all()
            found: dict[str, tuple[int, dict[Tag, int]]] = {name: (number, {}) for name, number in votes}
            query = "SELECT songs.generator, vote_tags.tag, count(*)" + WINS_WITH_TAGS + ", vote_tags.tag"
            for name, tag, number in connection.execute(text(query)):
                found[name][1][tag] = number
        return found

    def votes_on(self, battles: Iterable[str]) -> list[Vote]:
        """Return the votes on these battles ordered by time, including suspicious ones."""
        with self.transaction() as connection:
            return _votes_on(connection, battles)

    def votes(self) -> list[Vote]:
        """Return all votes ordered by time, including suspicious ones."""
        with self.transaction() as connection:
            return _votes(connection, ALL, {})

    def latest(self, most: int, before: float) -> list[Vote]:
        """Return the newest `most` votes on songs of the pool before a time, without suspicious ones."""
        with self.transaction() as connection:
            return _votes_on(connection, [*connection.scalars(text(LATEST), {"most": most, "before": before})])

    def newest_reasons(self, most: int) -> list[tuple[str, str]]:
        """Return why each of the newest `most` votes does not count, "" if it does, and its voter.

        Votes that an operator set aside or restored, and those with a reason of BY_VOTERS, are left out: they say
        nothing of the checks.
        """
        with self.transaction() as connection:
            return [(reason, voter) for reason, voter in connection.execute(text(NEWEST_REASONS), {"most": most})]

    def changes(self) -> int:
        """Return how often a vote was set aside or restored."""
        with self.transaction() as connection:
            return _count_changes(connection)

    def version(self) -> int:
        """Return the version of the counts, see VoteCounts."""
        with self.transaction() as connection:
            return _count(connection) + _count_changes(connection)

    def counts(self) -> VoteCounts:
        """Return the counts of all votes.

        If there are votes that are not counted, for example by an older version of this code, all are counted again.
        """
        with self.transaction() as connection:
            if connection.scalar(text(ALL_COUNTED)):
                return read_counts(connection)
        with self.transaction(writing=True) as connection:
            keep_other_writers_out(connection, "votes")
            clear_counts(connection)
            add_counts(connection, tally(chain.from_iterable(_in_chunks(connection))))
            return read_counts(connection)

    def predicted(self, source: Source) -> VoteCounts:
        """Return the counts of one source up to the last vote, without songs and generators.

        This takes no longer with more votes.
        """
        with self.transaction() as connection:
            return read_predicted(connection, source)

    def votes_per_song(self) -> dict[str, int]:
        """Return the number of votes on each song, by its id, without suspicious ones."""
        with self.transaction() as connection:
            return read_votes_per_song(connection)

    def scores(self, judge: str) -> dict[str, SongScores]:
        """Return a judge's scores by the song's id. Of several revisions, return the one that was stored last."""
        with self.transaction() as connection:
            return {each.song: each for _, each in _scored(connection, "WHERE judge = :judge", {"judge": judge})}

    def voted_revision(self, judge: str) -> str | None:
        """Return the weights with which a judge last scored most of the pool's songs that have votes, if any."""
        with self.transaction() as connection:
            return connection.scalar(text(VOTED_REVISION), {"judge": judge})

    def voted_scores(self, judge: str, revision: str) -> dict[str, SongScores]:
        """Return the scores by one revision of a judge's weights of the pool's songs that have votes, by song."""
        where = f"WHERE judge = :judge AND revision = :revision AND {VOTED}"
        with self.transaction() as connection:
            return {each.song: each for _, each in _scored(connection, where, {"judge": judge, "revision": revision})}

    def scored(self) -> dict[str, list[DatedScores]]:
        """Return the scores of all judges and revisions by the song's id, the oldest first."""
        found: dict[str, list[DatedScores]] = {}
        with self.transaction() as connection:
            for at, each in _scored(connection, "", {}):
                found.setdefault(each.song, []).append((at, each))
        return found

    def judges(self) -> list[str]:
        """Return the judges that have scored songs, in alphabetical order."""
        with self.transaction() as connection:
            return list(connection.scalars(text("SELECT DISTINCT judge FROM scores ORDER BY judge")))

    def generators(self) -> dict[str, str]:
        """Return the generator of each song that has texts, by the song's id; empty where it is not known."""
        with self.transaction() as connection:
            rows = connection.execute(text("SELECT id, generator FROM songs")).all()
        return {row.id: row.generator for row in rows}

    def decided(self) -> int:
        """Return the number of counted votes for A or B on songs of the pool, in constant time."""
        with self.transaction() as connection:
            return connection.scalar(text("SELECT a + b FROM vote_totals WHERE source = 'pool'")) or 0

    def choices(self, most: int) -> list[tuple[str, str, Side]]:
        """Return the songs A and B and the winner of the newest `most` of these votes, the oldest first."""
        with self.transaction() as connection:
            rows = connection.execute(text(NEWEST_CHOICES), {"most": most}).cursor.fetchall()
        return [(a, b, winner) for a, b, winner in reversed(rows)]

    def ballots(self, most: int) -> list[tuple[str, str, Winner, str]]:
        """Return songs A and B, the winner and the voter of the newest `most` counted votes on songs of the pool."""
        with self.transaction() as connection:
            rows = connection.execute(text(NEWEST_BALLOTS), {"most": most}).cursor.fetchall()
        return [(a, b, winner, voter) for a, b, winner, voter in rows]

    def add_model(self, model: StoredModel, at: float) -> None:
        """Store a learned model. If it is stored already, it becomes the one of these changes.

        Of older models of the judge, the newest KEPT_TEXTS keep their texts. The others' become empty.
        """
        these = {"judge": model.judge, "revision": model.revision, "kept": KEPT_TEXTS}
        with self.transaction(writing=True) as connection:
            keep_other_writers_out(connection, "models")
            write(connection, ADD_MODEL, [vars(model) | {"at": at}])
            connection.execute(text(EMPTY_OLD_TEXTS), these)

    def newest_model(self, judge: str, revision: str, known: str = "") -> StoredModel | None:
        """Return the model that was learned after the most changes, and then from the most votes.

        It is for scores by one revision of a judge's weights. If its version is `known`, its text is not read and is
        empty.
        """
        parameters = {"judge": judge, "revision": revision, "known": known}
        with self.transaction() as connection:
            row = connection.execute(text(NEWEST_MODEL), parameters).first()
        return StoredModel(judge, revision, *row) if row else None

    def models(self) -> list[tuple[StoredModel, float]]:
        """Return all learned models without their texts, and when each was stored, by judge and then by time."""
        query = "SELECT judge, revision, decided, version, changes, at FROM models ORDER BY judge, at, version"
        with self.transaction() as connection:
            return [
                (StoredModel(judge, revision, decided, version, "", changes), at)
                for judge, revision, decided, version, changes, at in connection.execute(text(query))
            ]

    def claim(self, shard: str) -> int:
        """Put all votes that are in no shard into `shard`, and return their number. A vote never changes its shard.

        A vote that was set aside or restored after that is put into `shard` as well, once for each change. So is one
        that got tags.
        """
        claims = (CLAIM, CLAIM_CHANGES, CLAIM_TAGS)
        with self.transaction(writing=True) as connection:
            return sum(write(connection, claim, [{"shard": shard}]) for claim in claims)

    def unsent(self) -> list[str]:
        """Return the shards that are not marked as sent."""
        names = f"SELECT DISTINCT shard FROM {SHARDS} WHERE shard NOT IN (SELECT shard FROM sent) ORDER BY shard"
        with self.transaction() as connection:
            return list(connection.scalars(text(names)))

    def in_shard(self, shard: str) -> list[Vote]:
        """Return the votes of a shard, ordered by time."""
        with self.transaction() as connection:
            return _votes(connection, IN_SHARD, {"shard": shard})

    def mark_sent(self, shards: Iterable[str]) -> None:
        """Mark shards as sent."""
        with self.transaction(writing=True) as connection:
            write(connection, ADD_SENT, [{"shard": shard} for shard in sorted(shards)])


def open_store(config: Settings) -> VoteStore:
    """Open the database that the settings name, or else a file in the data folder. Raises StoreError."""
    if config.database_url is not None:
        return VoteStore(config.database_url.get_secret_value(), config.sqlite_journal)
    return VoteStore(URL.create("sqlite", database=str(config.data / FILE)), config.sqlite_journal)


def _add_battles(connection: Connection, battles: Iterable[tuple[Battle, Iterable[DatedScores]]]) -> int:
    """Add new battles, songs and scores, and return how many battles are new.

    Rows are sorted, so that concurrent writers wait for each other in the same order and never deadlock.
    """
    rows: dict[str, Parameters] = {}
    songs: dict[str, Parameters] = {}
    kinds: dict[tuple[str, str], Parameters] = {}
    scores: dict[tuple[str, str, str], Parameters] = {}
    for battle, dated in battles:
        rows.setdefault(battle.id, _battle_row(battle))
        for song in (battle.a, battle.b):
            # An upload of the same samples has no texts. It must not be stored first, because the first texts are kept.
            if song.title or song.generator or song.prompt:
                songs.setdefault(song.id, {name: getattr(song, name) for name in TEXTS})
            for name, value in song.kinds.items():
                kinds.setdefault((song.id, name), {"song": song.id, "name": name, "value": value})
        for at, each in dated:
            scores.setdefault(
                (each.song, each.judge, each.revision), vars(each) | {"at": at, "scores": _json(dict(each.scores))}
            )
    write(connection, ADD_SONG, [songs[key] for key in sorted(songs)])
    write(connection, ADD_KIND, [kinds[key] for key in sorted(kinds)])
    write(connection, ADD_SCORES, [scores[key] for key in sorted(scores)])
    return write(connection, ADD_BATTLE, [rows[key] for key in sorted(rows)])


def _battle_row(battle: Battle) -> Parameters:
    return {
        "id": battle.id,
        "a": battle.a.id,
        "b": battle.b.id,
        "source": battle.source,
        "issued": battle.issued,
        "predictions": _json([vars(prediction) for prediction in battle.predictions]),
    }


def _json(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise StoreError("A score or prediction that is not finite cannot be stored.") from error


def _vote_row(vote: Vote) -> Parameters:
    return {
        "battle": vote.battle.id,
        "a": vote.battle.a.id,
        "b": vote.battle.b.id,
        "winner": vote.winner,
        "at": vote.at,
        "heard_a": vote.heard[0],
        "heard_b": vote.heard[1],
        "voter": vote.voter,
        "suspicion": vote.suspicion,
    }


def _count(connection: Connection) -> int:
    return connection.scalar(text("SELECT sum(votes + suspicious) FROM vote_totals")) or 0


def _count_changes(connection: Connection) -> int:
    return connection.scalar(text("SELECT count(*) FROM vote_changes")) or 0


def _change(connection: Connection, changed: Collection[Vote]) -> None:
    """Store why and since when these votes do not count or count again, and correct the counts.

    No other process may write votes meanwhile.
    """
    if changed:
        ids = [vote.battle.id for vote in changed]
        add_counts(connection, tally(_votes_on(connection, ids)), -1)
        rows: list[Parameters] = [
            {"battle": vote.battle.id, "at": vote.changed, "reason": vote.suspicion} for vote in changed
        ]
        write(connection, ADD_CHANGE, rows)
        add_counts(connection, tally(_votes_on(connection, ids)))
        delete_empty(connection)


def _has_voted(connection: Connection, vote: Vote) -> bool:
    """Return whether the voter has a vote on the same two songs that counts.

    In PostgreSQL, other votes of this voter wait until the transaction ends. In SQLite all others wait anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:voter, 0))"), {"voter": vote.voter})
    pair = {"voter": vote.voter, "a": vote.battle.a.id, "b": vote.battle.b.id}
    return bool(connection.scalar(text(HAS_VOTED), pair))


def _these(connection: Connection, ids: Iterable[str]) -> tuple[str, Parameters]:
    """Return a query for these battles' ids, and its parameters."""
    return THESE[connection.dialect.name], {"ids": json.dumps([*ids])}


def _voted(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Return those of the battles that have a vote."""
    which, parameters = _these(connection, ids)
    return set(connection.scalars(text(f"SELECT battle FROM votes WHERE battle IN ({which})"), parameters))


def _votes_on(connection: Connection, ids: Iterable[str]) -> list[Vote]:
    """Return the votes on these battles, ordered by time."""
    return _votes(connection, *_these(connection, ids))


def _battle(connection: Connection, id: str) -> Battle | None:
    return _battles(connection, *_these(connection, [id])).get(id)


def _in_chunks(connection: Connection) -> Iterator[list[Vote]]:
    """Yield all votes, a few thousand at a time."""
    after = ""
    while ids := [*connection.scalars(text(NEXT), {"after": after})]:
        yield _votes_on(connection, ids)
        after = ids[-1]


def _votes(connection: Connection, which: str, parameters: Parameters) -> list[Vote]:
    """Return the votes on the battles whose ids the query `which` selects, ordered by time."""
    query = (
        f"SELECT battle, winner, at, heard_a, heard_b, voter, suspicion, changed FROM {VOTES} WHERE battle IN ({which})"
    )
    rows = connection.execute(text(query), parameters).all()
    battles = _battles(connection, which, parameters)  # after the votes: a new vote may be added in between
    tags = _tags(connection, which, parameters)
    votes = [
        Vote(battles[id], winner, at, (a, b), voter, why, changed, tuple(tags.get(id, ())))
        for id, winner, at, a, b, voter, why, changed in rows
    ]
    return sorted(votes, key=lambda vote: (vote.at, vote.battle.id))


def _tags(connection: Connection, which: str, parameters: Parameters) -> dict[str, list[Tag]]:
    """Return the tags of the votes on the battles whose ids the query `which` selects, by battle."""
    found: dict[str, list[Tag]] = {}
    for battle, tag in connection.execute(text(TAGS_OF.format(which)), parameters):
        found.setdefault(battle, []).append(tag)
    return found


def _battles(connection: Connection, which: str, parameters: Parameters) -> dict[str, Battle]:
    """Return the battles whose ids the query `which` selects, by their ids."""
    sides = f"SELECT a FROM battles WHERE id IN ({which}) UNION SELECT b FROM battles WHERE id IN ({which})"
    query = f"SELECT id, title, generator, prompt FROM songs WHERE id IN ({sides})"
    texts = {id: Song(id, *rest) for id, *rest in connection.execute(text(query), parameters)}
    kinds = read_kinds(connection, f"WHERE song IN ({sides})", parameters)

    def song(id: str) -> Song:
        return replace(texts.get(id, Song(id)), kinds=kinds.get(id, {}))

    query = f"SELECT id, a, b, source, issued, predictions FROM battles WHERE id IN ({which})"
    return {
        id: Battle(id, song(a), song(b), source, issued, _predictions(written))
        for id, a, b, source, issued, written in connection.execute(text(query), parameters)
    }


def _predictions(written: str) -> tuple[Prediction, ...]:
    return tuple(Prediction(**fields) for fields in json.loads(written))


def _scored(connection: Connection, where: str, parameters: Parameters) -> Iterator[DatedScores]:
    """Yield judges' scores of songs, the oldest first."""
    query = f"SELECT at, song, judge, revision, scores FROM scores {where} ORDER BY at"
    for at, song, judge, revision, written in connection.execute(text(query), parameters):
        yield at, SongScores(song, judge, revision, json.loads(written))

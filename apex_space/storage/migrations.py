"""Defines the tables of the votes' database, as ordered steps. Never edit a released step: add another one."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from ..core.errors import StoreError

LOCK = 0x61706578
"""Number of the PostgreSQL advisory lock that is held while tables are made.

SQLite needs none: it has only one writer at a time.
"""


@dataclass(frozen=True)
class Migration:
    """One step: the statements for both databases, then those for only SQLite or only PostgreSQL."""

    version: int
    both: tuple[str, ...] = ()
    sqlite: tuple[str, ...] = ()
    postgresql: tuple[str, ...] = ()


_FIRST_TABLES = ("migrations", "songs", "battles", "scores", "votes", "secrets", "copies", "sent")


def _sqlite_trigger(table: str, verb: str, columns: str = "") -> str:
    return (
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb}{columns} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _postgresql_trigger(table: str, columns: str = "") -> str:
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE{columns} OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
    )


def _friend_parts(kind: str) -> str:
    return (
        "CREATE TABLE friend_parts (battle TEXT NOT NULL REFERENCES friend_battles (id) ON DELETE CASCADE,"
        f" clip TEXT NOT NULL, part INTEGER NOT NULL, bytes {kind} NOT NULL, PRIMARY KEY (battle, clip, part))"
    )


_NEW_WORDS = {
    "battles": "UPDATE battles SET source = 'uploaded' WHERE source = 'own'",
    "votes": "UPDATE votes SET winner = 'both_bad' WHERE winner = 'bad'",
}

_NAMES = " OF judge, revision, at, decided, version"
"""The columns of `models` that never change."""
_CHANGES = ("vote_changes", "changes_copied")

MIGRATIONS = (
    Migration(
        1,
        both=(
            "CREATE TABLE migrations (version INTEGER PRIMARY KEY, at DOUBLE PRECISION NOT NULL)",
            "CREATE TABLE songs (id TEXT PRIMARY KEY, title TEXT NOT NULL, generator TEXT NOT NULL,"
            " prompt TEXT NOT NULL)",
            "CREATE TABLE battles (id TEXT PRIMARY KEY, a TEXT NOT NULL, b TEXT NOT NULL, source TEXT NOT NULL,"
            " issued DOUBLE PRECISION NOT NULL, predictions TEXT NOT NULL)",
            "CREATE TABLE scores (song TEXT NOT NULL, judge TEXT NOT NULL, revision TEXT NOT NULL,"
            " at DOUBLE PRECISION NOT NULL, scores TEXT NOT NULL, PRIMARY KEY (song, judge, revision))",
            "CREATE TABLE votes (battle TEXT PRIMARY KEY REFERENCES battles (id), winner TEXT NOT NULL,"
            " at DOUBLE PRECISION NOT NULL, heard_a DOUBLE PRECISION NOT NULL, heard_b DOUBLE PRECISION NOT NULL,"
            " voter TEXT NOT NULL, suspicion TEXT NOT NULL)",
            "CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
            "CREATE TABLE copies (battle TEXT PRIMARY KEY REFERENCES votes (battle), shard TEXT NOT NULL)",
            "CREATE INDEX copies_by_shard ON copies (shard)",
            "CREATE TABLE sent (shard TEXT PRIMARY KEY)",
        ),
        sqlite=tuple(_sqlite_trigger(table, verb) for table in _FIRST_TABLES for verb in ("UPDATE", "DELETE")),
        postgresql=(
            "CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$",
            *map(_postgresql_trigger, _FIRST_TABLES),
        ),
    ),
    Migration(
        2,
        both=(
            "CREATE TABLE links (id TEXT PRIMARY KEY, key_hash TEXT NOT NULL, at DOUBLE PRECISION NOT NULL,"
            " title TEXT NOT NULL, reports TEXT NOT NULL)",
            "CREATE INDEX links_by_time ON links (at)",
        ),
    ),
    Migration(
        3,
        sqlite=tuple(
            statement
            for table, update in _NEW_WORDS.items()
            for statement in (f"DROP TRIGGER {table}_no_UPDATE", update, _sqlite_trigger(table, "UPDATE"))
        ),
        postgresql=tuple(
            statement
            for table, update in _NEW_WORDS.items()
            for statement in (f"DROP TRIGGER {table}_append_only ON {table}", update, _postgresql_trigger(table))
        ),
    ),
    Migration(  # the counts start empty; the store counts the votes when it finds that
        4,
        both=(
            "CREATE TABLE vote_totals (source TEXT PRIMARY KEY, votes INTEGER NOT NULL, a INTEGER NOT NULL,"
            " b INTEGER NOT NULL, suspicious INTEGER NOT NULL)",
            "CREATE TABLE song_votes (song TEXT PRIMARY KEY, votes INTEGER NOT NULL)",
            "CREATE TABLE pair_votes (first TEXT NOT NULL, second TEXT NOT NULL, lost INTEGER NOT NULL,"
            " tied INTEGER NOT NULL, won INTEGER NOT NULL, PRIMARY KEY (first, second))",
            "CREATE TABLE predicted_votes (source TEXT NOT NULL, judge TEXT NOT NULL, first TEXT NOT NULL,"
            " second TEXT NOT NULL, bin INTEGER NOT NULL, decided INTEGER NOT NULL, ties INTEGER NOT NULL,"
            " hits DOUBLE PRECISION NOT NULL, a INTEGER NOT NULL, chance DOUBLE PRECISION NOT NULL,"
            " error DOUBLE PRECISION NOT NULL, error_squared DOUBLE PRECISION NOT NULL,"
            " gain_squared DOUBLE PRECISION NOT NULL, PRIMARY KEY (source, judge, first, second, bin))",
        ),
    ),
    # The salt of the voters' hashes was here, so that whoever had the votes could find out the voters' addresses.
    Migration(5, both=("DROP TABLE secrets",)),
    Migration(
        6,
        both=(
            "CREATE TABLE fetches (battle TEXT NOT NULL, side TEXT NOT NULL, at DOUBLE PRECISION NOT NULL,"
            " PRIMARY KEY (battle, side))",
            "CREATE INDEX fetches_by_time ON fetches (at)",
        ),
    ),
    Migration(7, both=("ALTER TABLE links ADD COLUMN visitor TEXT",)),
    Migration(
        8,
        both=(
            "CREATE TABLE models (judge TEXT NOT NULL, revision TEXT NOT NULL, decided INTEGER NOT NULL,"
            " version TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, model TEXT NOT NULL,"
            " PRIMARY KEY (judge, revision, decided, version))",
        ),
        sqlite=tuple(_sqlite_trigger("models", verb) for verb in ("UPDATE", "DELETE")),
        postgresql=(_postgresql_trigger("models"),),
    ),
    Migration(  # the texts of old models are long, so they may be emptied; all else stays
        9,
        both=("CREATE INDEX pair_votes_by_second ON pair_votes (second)",),
        sqlite=(
            "DROP TRIGGER models_no_UPDATE",
            _sqlite_trigger("models", "UPDATE", _NAMES),
        ),
        postgresql=(
            "DROP TRIGGER models_append_only ON models",
            _postgresql_trigger("models", _NAMES),
        ),
    ),
    Migration(  # of a vote's changes the newest one counts; its reason is empty where the vote counts again
        10,
        both=(
            "CREATE TABLE vote_changes (battle TEXT NOT NULL REFERENCES votes (battle), at DOUBLE PRECISION NOT NULL,"
            " reason TEXT NOT NULL, PRIMARY KEY (battle, at))",
            "CREATE TABLE changes_copied (battle TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, shard TEXT NOT NULL,"
            " PRIMARY KEY (battle, at), FOREIGN KEY (battle, at) REFERENCES vote_changes (battle, at))",
            "CREATE INDEX changes_copied_by_shard ON changes_copied (shard)",
            "ALTER TABLE models ADD COLUMN changes INTEGER NOT NULL DEFAULT 0",
            "CREATE TABLE vote_reasons (day DOUBLE PRECISION NOT NULL, reason TEXT NOT NULL, votes INTEGER NOT NULL,"
            " PRIMARY KEY (day, reason))",
            "CREATE INDEX votes_by_time ON votes (at)",
            "CREATE INDEX votes_by_voter ON votes (voter)",
        ),
        sqlite=tuple(_sqlite_trigger(table, verb) for table in _CHANGES for verb in ("UPDATE", "DELETE")),
        postgresql=tuple(map(_postgresql_trigger, _CHANGES)),
    ),
    Migration(  # pairs as they were played; without totals, the store counts all votes again
        11,
        both=(
            "DROP TABLE pair_votes",
            "CREATE TABLE pair_votes (a TEXT NOT NULL, b TEXT NOT NULL, a_won INTEGER NOT NULL, b_won INTEGER NOT NULL,"
            " tied INTEGER NOT NULL, both_bad INTEGER NOT NULL, PRIMARY KEY (a, b))",
            "CREATE INDEX pair_votes_by_b ON pair_votes (b)",
            "DELETE FROM vote_totals",
        ),
    ),
    Migration(
        12,
        both=(
            "CREATE TABLE vote_tags (battle TEXT NOT NULL REFERENCES votes (battle), tag TEXT NOT NULL,"
            " PRIMARY KEY (battle, tag))",
        ),
        sqlite=tuple(_sqlite_trigger("vote_tags", verb) for verb in ("UPDATE", "DELETE")),
        postgresql=(_postgresql_trigger("vote_tags"),),
    ),
    Migration(  # a table of their own, so that songs that are stored already can get kinds
        13,
        both=(
            "CREATE TABLE song_kinds (song TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
            " PRIMARY KEY (song, name))",
        ),
        sqlite=tuple(_sqlite_trigger("song_kinds", verb) for verb in ("UPDATE", "DELETE")),
        postgresql=(_postgresql_trigger("song_kinds"),),
    ),
    Migration(  # reasons are given after the vote, which may have been copied by then
        14,
        both=(
            "CREATE TABLE tags_copied (battle TEXT PRIMARY KEY REFERENCES votes (battle), shard TEXT NOT NULL)",
            "CREATE INDEX tags_copied_by_shard ON tags_copied (shard)",
        ),
        sqlite=tuple(_sqlite_trigger("tags_copied", verb) for verb in ("UPDATE", "DELETE")),
        postgresql=(_postgresql_trigger("tags_copied"),),
    ),
    Migration(  # battles for friends are deleted after a day, with their songs and votes
        15,
        both=(
            "CREATE TABLE friend_battles (id TEXT PRIMARY KEY, key_hash TEXT NOT NULL, at DOUBLE PRECISION NOT NULL,"
            " visitor TEXT NOT NULL, seconds DOUBLE PRECISION NOT NULL, first TEXT NOT NULL, first_title TEXT NOT NULL,"
            " first_bytes INTEGER NOT NULL, second TEXT NOT NULL, second_title TEXT NOT NULL,"
            " second_bytes INTEGER NOT NULL)",
            "CREATE INDEX friend_battles_by_time ON friend_battles (at)",
            "CREATE TABLE friend_votes (battle TEXT NOT NULL REFERENCES friend_battles (id) ON DELETE CASCADE,"
            " voter TEXT NOT NULL, visitor TEXT NOT NULL, choice TEXT NOT NULL, PRIMARY KEY (battle, voter))",
        ),
        sqlite=(_friend_parts("BLOB"),),
        postgresql=(_friend_parts("BYTEA"),),
    ),
    Migration(16, both=("ALTER TABLE friend_votes ADD COLUMN network TEXT NOT NULL DEFAULT ''",)),
)


def migrate(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Run the steps that the database lacks, all of them or none, within the caller's writing transaction.

    Raises StoreError where the database is newer than this code.
    """
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    version = 0
    if inspect(connection).has_table("migrations"):
        version = connection.scalar(text("SELECT max(version) FROM migrations")) or 0
    if version > migrations[-1].version:
        raise StoreError(
            "The votes' database has version {version} and this code knows {known}. Update the code: a newer one has "
            "been here.",
            version=version,
            known=migrations[-1].version,
        )
    for step in migrations:
        if step.version > version:
            for statement in step.both + (step.sqlite if dialect == "sqlite" else step.postgresql):
                connection.exec_driver_sql(statement)
            row = {"version": step.version, "at": time.time()}
            connection.execute(text("INSERT INTO migrations (version, at) VALUES (:version, :at)"), row)

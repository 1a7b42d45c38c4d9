"""The database: SQLite or PostgreSQL. It holds votes, shared results and battles for friends.

migrations.py defines the tables.
"""

import logging
import math
import os
import sqlite3
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ..core.errors import StoreError
from .migrations import MIGRATIONS, Migration, migrate

BUSY_SECONDS = {"wal": 30, "delete": 3}
"""Seconds that SQLite waits for other writers, by journal mode.

With "delete", no other process is allowed, so a long wait is useless.
"""
JOURNAL_BYTES = 32_000_000
"""Size to which SQLite cuts its journal after a larger change."""
CONNECT_SECONDS = 10
logger = logging.getLogger(__name__)

Parameters = Mapping[str, str | float | bytes]


class Database:
    """An open database. It is safe to use from many threads and in a forked child. All methods raise StoreError.

    `url` is `postgresql://...` or `sqlite:///FILE`. `journal` is SQLite's journal mode: "wal", or "delete" for a single
    process on storage with unreliable locks. When a method returns, its changes are on disk.
    """

    def __init__(self, url: str | URL, journal: str = "wal", migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self._url = _parse(url)
        make = _sqlite if self._url.get_backend_name() == "sqlite" else _postgresql
        try:
            with ExitStack() as on_failure:
                self._engine = make(self._url, journal)
                on_failure.callback(self._engine.dispose)
                with self._engine.connect().execution_options(writing=True) as connection, connection.begin():
                    migrate(connection, migrations)
                on_failure.pop_all()
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(
                "The database {database} cannot be opened: {reason}. Fix this, or name another one with "
                "APEX_DATABASE_URL or, for SQLite, another folder with APEX_DATA.",
                database=_place(self._url),
                reason=_reason(error, self._url),
            ) from error
        leave = weakref.WeakMethod(self._leave_to_the_parent)
        if hasattr(os, "register_at_fork"):  # not on Windows
            os.register_at_fork(after_in_child=lambda: (method := leave()) and method())

    def close(self) -> None:
        """Close all connections. A connection in use by a running method is closed when the method returns."""
        self._engine.dispose()

    @contextmanager
    def transaction(self, writing: bool = False) -> Iterator[Connection]:
        """Yield a connection. All its statements take effect together, and are on disk, when the block ends.

        Unless it is for writing, all its statements see the same state, whatever others write meanwhile.
        """
        options: dict[str, Any] = {"writing": writing}
        if not writing and self._engine.dialect.name == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"
        try:
            with self._engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            logger.error("the votes' database %s: %s", _place(self._url), _reason(error, self._url))
            raise StoreError("The votes' database does not answer as it should. Try again in a minute.") from error

    def _leave_to_the_parent(self) -> None:
        """Drop inherited connections in a forked child.

        They belong to the parent, so the child must neither use nor close them.
        """
        self._parents = self._engine.pool
        self._engine.dispose(close=False)


def _parse(url: str | URL) -> URL:
    """Parse the URL, with the installed driver for `postgres://` and `postgresql://`. Raises StoreError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None  # the error is dropped, because it may quote the password
    kind = parsed.get_backend_name() if parsed else ""
    if parsed is None or kind not in ("postgresql", "postgres", "sqlite") or not parsed.database:
        raise StoreError(
            "This does not name a database. Set APEX_DATABASE_URL to postgresql://USER:PASSWORD@HOST:PORT/NAME, with "
            "%40 for @ and %2F for / in the password, or leave it out for SQLite."
        )
    return parsed if kind == "sqlite" else parsed.set(drivername="postgresql+psycopg")


def _postgresql(url: URL, journal: str) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        # Hosted databases have a connection pooler. Behind it, a statement prepared on one connection fails on another.
        connect_args={"connect_timeout": CONNECT_SECONDS, "prepare_threshold": None},
    )


def _sqlite(url: URL, journal: str) -> Engine:
    alone = journal == "delete"
    file = Path(url.database or "")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    size: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if alone else {}
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS[journal]}, **size)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None  # `begin` below starts transactions, not the driver
        if alone:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        _use_journal(connection, journal)
        connection.execute("PRAGMA synchronous = EXTRA")  # like FULL, and a journal's removal is on disk, too
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten with zeros
        connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # If a transaction reads first and writes later, it could meet a lock that waiting does not resolve.
        writing = connection.get_execution_options().get("writing")
        connection.exec_driver_sql("BEGIN" if not writing else "BEGIN EXCLUSIVE" if alone else "BEGIN IMMEDIATE")

    return engine


def _use_journal(connection: sqlite3.Connection, journal: str) -> None:
    """Set the journal mode, and retry while the database is locked.

    Several processes may do this to a new file at once, and SQLite itself does not wait for them here. Raises OSError
    where the mode is not available.
    """
    patience = time.monotonic() + BUSY_SECONDS[journal]
    while True:
        try:
            (now,) = connection.execute(f"PRAGMA journal_mode = {journal}").fetchone()
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.02)
    if now != journal:
        raise OSError(f"there is no {journal} journal here; APEX_SQLITE_JOURNAL=delete may do")


def _place(url: URL) -> str:
    """Return where a database is, without the user name and the password."""
    return str(url.database) if url.get_backend_name() == "sqlite" else f"{url.database} on {url.host}"


def _reason(error: Exception, url: URL) -> str:
    """Return the database's message as one line without the password."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()
    first = said[0] if said else type(error).__name__
    return first.replace(str(url.password), "***") if url.password else first


def keep_other_writers_out(connection: Connection, table: str) -> None:
    """Let no other process write to a table until the transaction ends. In SQLite no other one writes anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))


def write(connection: Connection, statement: str, rows: Sequence[Parameters]) -> int:
    """Run a statement for each row and return how many rows it added.

    Raises StoreError for a value that SQLite or PostgreSQL cannot store, whichever of them is in use.
    """
    if not all(storable(value) for row in rows for value in row.values()):
        raise StoreError("A text with a NUL or a lone surrogate, or a number that is not finite, cannot be stored.")
    return connection.execute(text(statement), rows).rowcount if rows else 0


def storable(value: str | float | bytes) -> bool:
    """Return whether both SQLite and PostgreSQL can store a value."""
    if isinstance(value, bytes):
        return True
    if not isinstance(value, str):
        return math.isfinite(value)
    return "\0" not in value and value.encode(errors="ignore").decode() == value

"""Empty databases for tests of the store: a SQLite file, and PostgreSQL on the server that `tests/check` starts."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

SERVER = "APEX_TEST_DATABASE_URL"
KINDS = ("sqlite", "postgresql")


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of a new database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'votes.sqlite3'}"
    else:
        yield from _postgresql()


def _postgresql() -> Iterator[str]:
    server = os.environ.get(SERVER)
    if not server:
        pytest.skip(f"no PostgreSQL server: {SERVER} is not set (tests/check starts one)")
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{server.rsplit('/', 1)[0]}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

"""Empty databases: a SQLite file, and one on the PostgreSQL server that `tests/check` starts."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

SERVER = "APEX_TEST_DATABASE_URL"
KINDS = ("sqlite", "postgresql")


def sqlite(folder: Path, empty: Path | None = None) -> str:
    """The URL of a database in `folder`: a copy of an empty one, if it is given, since to make tables takes longer."""
    file = folder / "votes.sqlite3"
    if empty:
        folder.mkdir(exist_ok=True)
        shutil.copy(empty, file)
    return f"sqlite:///{file}"


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a new database on the server. Skips where there is none."""
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


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of a new database of one of KINDS."""
    if kind == "sqlite":
        yield sqlite(folder)
    else:
        with postgresql() as url:
            yield url

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch

from apex_space.preference.head_files import save
from apex_space.storage.vote_store import FILE, VoteStore
from helpers import fake_panel_weights, fake_weights
from helpers.browser import chromium, visits
from helpers.database import sqlite
from helpers.paths import ROOT
from helpers.preference_head import coherence_head
from helpers.server import MAX_BATCH, Running, running_app
from helpers.votes import cast, many_votes


def write_apex(folder: Path, size: fake_weights.Mert) -> Path:
    """Stand-ins of APEX's two repositories, as `--weights` takes them; gives the folder."""
    fake_weights.write_mert(folder / "MERT-v1-95M", size)
    (folder / "apex").mkdir()
    torch.save(fake_weights.apex_checkpoint(), folder / "apex" / "best_model.pt")
    return folder


def pytest_configure() -> None:
    """A shell that runs the tests in the background has them, and all that they start, ignore the interrupt signal. No
    example of a property fails for being slow: another program may be busy."""
    gc.disable()  # until all tests are collected
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis.settings.register_profile("untimed", deadline=None, max_examples=50)
    hypothesis.settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """What was imported stays until the end: the garbage collector need not look at it in each of its many runs."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test is marked by its folder. Files that mostly wait, for servers and pages, are spread evenly among those
    that compute: run side by side, they leave no core idle."""
    files: dict[bool, dict[Path, None]] = {True: {}, False: {}}
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        item.add_marker(folder)
        files[folder in ("server", "browser")][item.path] = None
    place = {file: (number + 0.5) / len(group) for group in files.values() for number, file in enumerate(group)}
    items.sort(key=lambda item: place[item.path])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of songs and reference figures that developers have beside the checkout."""
    folder = Path(os.environ.get("APEX_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no folder of reference material at {folder} (APEX_SHARED names another)")
    return folder


@pytest.fixture(scope="session")
def tiny_mert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with MERT's published files, 4 MB. Not to be written to."""
    return fake_weights.write_mert(tmp_path_factory.mktemp("weights") / "MERT", fake_weights.TINY)


@pytest.fixture(scope="session")
def full_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `--weights` takes it, with stand-ins of APEX's two repositories at full size: 400 MB, seconds."""
    return write_apex(tmp_path_factory.mktemp("full"), fake_weights.FULL_SIZE)


@pytest.fixture(scope="session")
def thin_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with thin layers and few samples a second, which takes a tenth of the time, for tests of what is around
    the networks. Not to be written to."""
    thin = replace(fake_weights.FULL_SIZE, intermediate_size=64, convolution=48, rate=4_000)
    return write_apex(tmp_path_factory.mktemp("thin"), thin)


@pytest.fixture(scope="session")
def panel_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `--weights` takes it, with tiny stand-ins of what TuneJury, SongEval and both HEARs need: 25 MB."""
    return fake_panel_weights.write_panel(tmp_path_factory.mktemp("panel"), fake_panel_weights.TINY)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a SQLite database that has nothing but its tables, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    VoteStore(sqlite(folder)).close()
    return folder / "votes.sqlite3"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a new SQLite database. The tests of PostgreSQL have their own."""
    return sqlite(tmp_path)


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Iterator[VoteStore]:
    """On a new SQLite database, that of `url`. The tests of PostgreSQL have their own."""
    with closing(VoteStore(sqlite(tmp_path, empty_database))) as opened:
        yield opened


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a preference head that weighs coherence alone, and with votes on more songs than a picture
    shows."""
    folder = tmp_path_factory.mktemp("data")
    save(coherence_head(), folder / "preferences" / "pocket.json")
    with closing(VoteStore(f"sqlite:///{folder / FILE}")) as store:
        cast(store, many_votes())
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Running]:
    """The app, for all tests: what one leaves there the next ones find. Gradio forgets a closed page after a second
    instead of an hour."""
    settings = {"APEX_DATA": str(data), "APEX_BATCH": str(MAX_BATCH), "APEX_SALT": "the salt", "APEX_PROXIES": "1"}
    with running_app(tmp_path_factory.mktemp("server"), GRADIO_IS_E2E_TEST="1", **settings) as running:
        yield running


@pytest.fixture(scope="session")
def panel_server(tmp_path_factory: pytest.TempPathFactory, panel_weights: Path, data: Path) -> Iterator[Running]:
    """The app with tiny weights of TuneJury, SongEval and both HEARs, and none of APEX and Banger. Songs stay long
    enough for a button to be pressed again."""
    settings = {"APEX_DATA": str(data), "APEX_WEIGHTS": str(panel_weights), "APEX_UPLOAD_GRACE_SECONDS": "10"}
    stay = {"APEX_MAX_LOADED": "5"}  # to load one again for each song takes longer than to hear a short one
    with running_app(tmp_path_factory.mktemp("panel-server"), **settings, **stay) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, for all tests."""
    with chromium() as launched:
        yield launched


@pytest.fixture
def visit(browser: Any, server: Running) -> Iterator[Any]:
    """Open a path of the shared server and wait for a button there; options go to the browser's new context."""
    with visits(browser, server.url) as open_page:
        yield open_page


@pytest.fixture
def chinese(visit: Any) -> Any:
    """Open a path of the shared server in Chinese and wait for a button there."""

    def open_page(path: str, button: str) -> Any:
        return visit(f"{path}?lang=zh-CN", button)

    return open_page


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[Any]:
    """Gradio's client of the shared server."""
    from gradio_client import Client

    with closing(Client(server.url, verbose=False)) as opened:
        yield opened
